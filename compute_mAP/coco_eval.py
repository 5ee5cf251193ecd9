"""Which detections are right as COCO defines it, class by class: what pycocotools computes for boxes, area range "all".

It differs from the VOC protocols in four points. Boxes are x1 - x0 wide, without the pixel more. An overlap that equals
the threshold counts. A detection whose best object is taken may have the next best one. Of each image only the
`MAX_DETECTIONS` most confident detections of a class count. Precision is read off at 101 recalls.

COCO knows no difficult objects; they are taken for its crowds, as converters of VOC do: they are no misses, and any
number of detections that lie in one (overlap: the share of the detection inside it) are neither right nor wrong.

Lin et al. 2014, arXiv 1405.0312; https://cocodataset.org/#detection-eval.
"""

from __future__ import annotations

import numpy as np

from compute_mAP.matching import pairs_in_images

MAX_DETECTIONS = 100
# As pycocotools has them, to the last bit: an overlap may lie exactly on one of them.
THRESHOLDS = np.linspace(0.5, 0.95, 10)
LARGEST_AREA = 1e10
_NEVER = -1.0


def coco_verdicts(
    images: np.ndarray,
    confidence: np.ndarray,
    boxes: np.ndarray,
    object_images: np.ndarray,
    object_boxes: np.ndarray,
    difficult: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image numbers int64 [n] by falling confidence, and which detections are right and wrong, bool [n, 10] each.

    Detections in any order: image numbers int [m], confidence float [m], boxes float [m, 4] x0 y0 x1 y1; those beyond
    MAX_DETECTIONS of an image are left out. Objects: image numbers int [k], ascending, boxes float [k, 4], difficult
    bool [k].
    """
    order = np.lexsort((np.arange(len(images)), -confidence, images))
    order = order[_rank_in_image(images[order]) < MAX_DETECTIONS]
    matched, spared = _match(images[order], boxes[order], object_images, object_boxes, difficult)
    sides = boxes[order, 2:] - boxes[order, :2]
    area = sides.prod(axis=1, keepdims=True)
    # outside COCO's area range, which begins at 0: a box with one pair of corners reversed is no false positive
    spared |= ~matched & ((area < 0) | (area > LARGEST_AREA))
    by_confidence = np.argsort(-confidence[order], kind="stable")
    right = (matched & ~spared)[by_confidence]
    wrong = (~matched & ~spared)[by_confidence]
    return images[order][by_confidence], right, wrong


def _rank_in_image(images: np.ndarray) -> np.ndarray:
    """0, 1, 2 ... within each run of equal numbers."""
    starts = np.flatnonzero(np.diff(images, prepend=-1))
    return np.arange(len(images)) - np.repeat(starts, np.diff(np.append(starts, len(images))))


def _match(
    images: np.ndarray, boxes: np.ndarray, object_images: np.ndarray, object_boxes: np.ndarray, difficult: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each detection has an object, and whether it is a difficult one: bool [n, 10] each.

    Detections are sorted by image, then by falling confidence. Those of equal rank in their images are served at
    once, because images do not compete with one another.
    """
    matched = np.zeros((len(images), len(THRESHOLDS)), bool)
    spared = np.zeros_like(matched)
    detection, thing, overlap = _pairs(images, boxes, object_images, object_boxes, difficult)
    taken = np.zeros((len(difficult), len(THRESHOLDS)), bool)
    limits = np.minimum(THRESHOLDS, 1 - 1e-10)
    candidates = np.unique(detection)
    rank = np.empty(len(images), np.int64)
    rank[candidates] = _rank_in_image(images[candidates])
    by_rank = np.argsort(rank[detection], kind="stable")
    bounds = np.searchsorted(rank[detection][by_rank], np.arange(rank[candidates].max(initial=-1) + 2))
    for begin, end in zip(bounds[:-1], bounds[1:]):
        pair = by_rank[begin:end]
        who, what, how = detection[pair], thing[pair], overlap[pair][:, None]
        free = ~taken[what] | difficult[what][:, None]
        # an object that counts is preferred to a difficult one, whatever their overlaps
        worth = np.where(free & (how >= limits), how + 2.0 * ~difficult[what][:, None], _NEVER)
        starts = np.flatnonzero(np.diff(who, prepend=-1))
        best = np.maximum.reduceat(worth, starts)
        sizes = np.diff(np.append(starts, len(who)))
        is_best = (worth == np.repeat(best, sizes, axis=0)) & (worth > _NEVER)
        # among equal overlaps pycocotools ends with the last object
        last = np.maximum.reduceat(np.where(is_best, np.arange(len(who))[:, None], -1), starts)
        row, column = np.nonzero(last >= 0)
        chosen = what[last[row, column]]
        taken[chosen, column] = True
        matched[who[starts][row], column] = True
        spared[who[starts][row], column] = difficult[chosen]
    return matched, spared


def _pairs(
    images: np.ndarray, boxes: np.ndarray, object_images: np.ndarray, object_boxes: np.ndarray, difficult: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every detection with every object of its image that it overlaps by the lowest threshold or more.

    Returns rows of detections, rising, rows of objects, rising within a detection, and the overlaps.
    """
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for detection, thing in pairs_in_images(images, object_images):
        overlap = _overlap(boxes[detection], object_boxes[thing], difficult[thing])
        near = overlap >= THRESHOLDS[0]
        found.append((detection[near], thing[near], overlap[near]))
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    return tuple(np.concatenate(part) for part in zip(*found))  # type: ignore[return-value]


def _overlap(a: np.ndarray, b: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """IoU row by row; where `crowd`, the share of `a` that lies in `b`."""
    with np.errstate(all="ignore"):
        both = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0).prod(axis=1)
        own, other = (a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1)
        return np.nan_to_num(both / np.where(crowd, own, own + other - both), nan=0.0)
