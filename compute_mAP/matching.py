"""Which detections are right: the matching of the classic Pascal VOC scorer, for all images of a class at once.

Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010, section 4.2, and its development kit:
a detection looks at the one object that it overlaps most; it is right where that overlap is greater than the threshold
and no detection with more confidence was right about that object.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Pairs of a detection and an object that are held in memory at once: some 20 MB of them.
PAIRS_AT_ONCE = 1 << 17


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Overlap of boxes row by row, float64 [n] in 0..1, for `a` and `b` float [n, 4] in pixels.

    Corners are pixels that belong to the box, so that a box is x1 - x0 + 1 wide (VOC development kit, VOCevaldet.m).
    """
    with np.errstate(all="ignore"):
        both = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]) + 1, 0).prod(axis=1)
        union = (a[:, 2:] - a[:, :2] + 1).prod(axis=1) + (b[:, 2:] - b[:, :2] + 1).prod(axis=1) - both
        # Boxes of no or boundless area give 0/0 or inf/inf: they overlap nothing.
        return np.nan_to_num(both / union, nan=0.0)


def nearest_objects(
    images: np.ndarray, boxes: np.ndarray, object_images: np.ndarray, object_boxes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The object of its image that each detection overlaps most: the overlap, float64 [n], and its row, int64 [n].

    `images` int [n] and `object_images` int [m] are image numbers from 0, the latter in ascending order. Among equal
    overlaps the first object is taken; where the image has no object, the overlap is 0 and the row is 0.
    """
    overlap = np.zeros(len(images))
    row = np.zeros(len(images), np.int64)
    for detection, objects in pairs_in_images(images, object_images):
        start = np.flatnonzero(np.diff(detection, prepend=-1))
        part = detection[start]
        overlaps = iou(boxes[detection], object_boxes[objects])
        overlap[part] = np.maximum.reduceat(overlaps, start)
        greatest = np.flatnonzero(overlaps == overlap[detection])
        row[part] = objects[greatest[np.searchsorted(greatest, start)]]
    return overlap, row


def pairs_in_images(images: np.ndarray, object_images: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every detection with every object of its image, in parts of bounded size: rows of both, int64 [k] each.

    `images` int [n] and `object_images` int [m] are image numbers from 0, the latter in ascending order. Rows of
    detections rise, and within a detection those of objects; a part holds all pairs of its detections.
    """
    first_object = np.searchsorted(object_images, images, side="left")
    count = np.searchsorted(object_images, images, side="right") - first_object
    paired = np.flatnonzero(count)
    parts = (np.cumsum(count[paired]) - 1) // PAIRS_AT_ONCE
    for part in np.split(paired, np.flatnonzero(np.diff(parts)) + 1):
        if len(part):
            n = count[part]
            objects = np.arange(n.sum()) + np.repeat(first_object[part] - (np.cumsum(n) - n), n)
            yield np.repeat(part, n), objects


def judge(
    overlap: np.ndarray, row: np.ndarray, difficult: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each detection is a true positive and whether it is a false positive, bool [n] each.

    `overlap` and `row` as `nearest_objects` gives them, in descending order of confidence; `difficult` bool [m].
    A detection of a difficult object is neither; a second one of any other object is a false positive.
    """
    right = np.zeros(len(overlap), bool)
    hits = np.flatnonzero(overlap > threshold)
    spared = hits[difficult[row[hits]]]
    hits = hits[~difficult[row[hits]]]
    claimed_by = np.full(len(difficult), -1)
    # Written backwards, because of several values for one place the last stays: the one with the most confidence.
    claimed_by[row[hits[::-1]]] = hits[::-1]
    right[claimed_by[claimed_by >= 0]] = True
    wrong = ~right
    wrong[spared] = False
    return right, wrong
