"""Do the anchors fit the boxes? The best possible recall of anchors on a data set, and new ones by k-means.

YOLOv5 lets an anchor answer for a box when neither side differs by more than a factor of 4 (its loss, `anchor_t`).
The share of boxes that some anchor can answer for is the best possible recall.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from compress.data.image_size import image_size
from compress.data.labels import read_labels
from deploy.errors import DataError

LIMIT = 4.0
GOOD = 0.98
"""The recall from which YOLOv5 leaves anchors as they are."""
_SMALLEST = 2.0  # pixels; smaller boxes are noise to k-means
_STARTS = 10


def box_sizes(images: Sequence[Path], classes: int, imgsz: int) -> np.ndarray:
    """Widths and heights of all boxes, float64 [n, 2], in pixels of an input letterboxed to imgsz x imgsz.

    Raises DataError for an image or label file that cannot be read, and where there is no box at all.
    """
    sizes = []
    for image in images:
        labels = read_labels(image, classes)
        if len(labels):
            width, height = image_size(image)
            scale = imgsz / max(width, height)
            sizes.append(labels[:, 3:5].astype(np.float64) * np.array([width, height]) * scale)
    if not sizes:
        raise DataError(f"{len(images)} images and not one labelled object, so no anchor can be judged")
    return np.concatenate(sizes)


def best_possible_recall(sizes: np.ndarray, anchors: np.ndarray) -> float:
    """The share of boxes [n, 2] that an anchor [k, 2] can answer for, 0..1; both in the same pixels."""
    return float((_fit(sizes, anchors) > 1 / LIMIT).mean())


def fitness(sizes: np.ndarray, anchors: np.ndarray) -> float:
    """How well the best anchor of each box fits, 0..1, counting only those that can answer for it."""
    best = _fit(sizes, anchors)
    return float((best * (best > 1 / LIMIT)).mean())


def new_anchors(sizes: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """`count` anchors for the boxes, float64 [count, 2], small to large: k-means on logarithms of width and height.

    Logarithms because what counts is by which factor sides differ. The best of several starts by `fitness` is taken.
    Raises DataError for fewer different boxes than anchors.
    """
    usable = sizes[(sizes >= _SMALLEST).all(axis=1)]
    if len(np.unique(usable.round(3), axis=0)) < count:
        raise DataError(f"{len(usable)} boxes of at least {_SMALLEST:g} px, too few different ones for {count} anchors")
    points = np.log(usable).astype(np.float32)
    ends = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-4)
    found = []
    for start in range(_STARTS):
        cv2.setRNGSeed(seed + start)
        centres = cv2.kmeans(points, count, None, ends, 1, cv2.KMEANS_PP_CENTERS)[2]  # type: ignore[call-overload]
        found.append(np.exp(centres.astype(np.float64)))
    best = max(found, key=lambda anchors: fitness(usable, anchors))
    return best[np.argsort(best.prod(axis=1))]


def _fit(sizes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """For each box the fit of its best anchor: the smaller of the two sides' ratios, 0..1."""
    ratio = sizes[:, None] / anchors[None]
    return np.minimum(ratio, 1 / ratio).min(axis=2).max(axis=1)
