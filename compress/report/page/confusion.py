"""The confusion matrix of a detector: which class each object was taken for, the missed and the false ones included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from compute_mAP.detections import Detections
from compute_mAP.matching import iou, pairs_in_images
from compute_mAP.voc_xml import Annotation

OVERLAP = 0.5


def confusion_matrix(
    detections: Mapping[str, Detections],
    ground_truth: Mapping[str, Annotation],
    names: Sequence[str],
    confidence: float,
    overlap: float = OVERLAP,
) -> np.ndarray:
    """int64 [classes + 1, classes + 1]: rows are the objects' classes, columns those that were detected.

    The last column counts missed objects, the last row detections of nothing. Detections from `confidence` on take
    part. Pairs are formed regardless of the class, the one that overlaps most first, at an IoU of `overlap` or more.
    Difficult objects are no misses, and what overlaps one and no other object is not counted.
    """
    numbers = {image: number for number, image in enumerate(ground_truth)}
    objects = _objects(ground_truth, names)
    images, classes, boxes = _detections(detections, numbers, names, confidence)
    matrix = np.zeros((len(names) + 1, len(names) + 1), np.int64)
    object_of, spared = _pairs(images, boxes, objects, overlap)
    difficult = objects[:, 6] > 0
    seen = np.zeros(len(objects), bool)
    for detection, number in enumerate(object_of.tolist()):
        if number >= 0:
            seen[number] = True
            if not difficult[number]:
                matrix[int(objects[number, 5]), classes[detection]] += 1
        elif not spared[detection]:
            matrix[-1, classes[detection]] += 1
    np.add.at(matrix[:, -1], objects[~seen & ~difficult, 5].astype(np.int64), 1)
    return matrix


def _objects(ground_truth: Mapping[str, Annotation], names: Sequence[str]) -> np.ndarray:
    """float64 [n, 7]: image, x0 y0 x1 y1, class, difficult; images ascend."""
    rows = [
        (number, o.x0, o.y0, o.x1, o.y1, names.index(o.name), o.difficult)
        for number, annotation in enumerate(ground_truth.values())
        for o in annotation.objects
        if o.name in names
    ]
    return np.array(rows, np.float64).reshape(-1, 7)


def _detections(
    detections: Mapping[str, Detections], numbers: Mapping[str, int], names: Sequence[str], confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images int64 [n], classes int64 [n] and boxes float64 [n, 4] of the detections that take part."""
    images, classes, boxes = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty((0, 4))]
    for number, name in enumerate(names):
        if name not in detections:
            continue
        found = detections[name]
        taken = np.flatnonzero(np.asarray(found.confidence) >= confidence).tolist()
        images.append(np.array([numbers[found.images[i]] for i in taken], np.int64))
        classes.append(np.full(len(taken), number))
        boxes.append(np.asarray(found.boxes, np.float64).reshape(-1, 4)[taken])
    return np.concatenate(images), np.concatenate(classes), np.concatenate(boxes)


def _pairs(images: np.ndarray, boxes: np.ndarray, objects: np.ndarray, overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """The object of each detection, int64 [n], -1 for none, and whether it lies on a difficult one, bool [n]."""
    taken, spared = np.full(len(images), -1), np.zeros(len(images), bool)
    candidates: list[tuple[float, int, int]] = []
    for rows, things in pairs_in_images(images, objects[:, 0].astype(np.int64)):
        found = iou(boxes[rows], objects[things, 1:5])
        near = found >= overlap
        candidates += zip((-found[near]).tolist(), rows[near].tolist(), things[near].tolist(), strict=True)
        spared[rows[near & (objects[things, 6] > 0)]] = True
    free = np.ones(len(objects), bool)
    for _, detection, thing in sorted(candidates):
        if taken[detection] < 0 and free[thing]:
            taken[detection], free[thing] = thing, False
    return taken, spared
