"""Non-maximum suppression of boxes that are a centre and a size, in the SDK's variants other than plain IoU.

Source: MxBase Nms.cpp and SsdMobilenetFpnMindsporePostDptr.hpp. All in float32; class by class, classes ascending.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_LARGEST = 8192  # centres and sizes beyond it, or negative, overlap nothing
_EPSILON = np.float32(1e-6)
Overlap = Callable[[np.ndarray, np.ndarray], np.ndarray]


def suppress_centred(
    boxes: np.ndarray,
    classes: np.ndarray,
    order_of: Callable[[np.ndarray], np.ndarray],
    overlap: Overlap,
    threshold: float,
    most: int | None = None,
) -> np.ndarray:
    """Indices (intp [k]) of the boxes that stay: float32 [n, 4] of x, y (centre), width, height; classes int [n].

    `order_of` puts the indices of a class in order, best first; `overlap` of a box [4] with others [m, 4] above the
    threshold removes those; `most` boxes of a class stay.
    """
    stay: list[int] = []
    for kind in np.unique(classes):
        left = order_of(np.flatnonzero(classes == kind))
        count = 0
        while len(left) and (most is None or count < most):
            best, left = left[0], left[1:]
            stay.append(int(best))
            count += 1
            left = left[~(overlap(boxes[best], boxes[left]) > np.float32(threshold))]
    return np.array(stay, np.intp)


def padded_iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union, where the sizes in the union carry +1."""
    shared = _shared(box, others)
    union = (box[2] + 1) * (box[3] + 1) + (others[:, 2] + 1) * (others[:, 3] + 1) - shared
    return _quotient(shared, union)


def over_larger(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over the larger of the two areas."""
    return _quotient(_shared(box, others), np.maximum(box[2] * box[3], others[:, 2] * others[:, 3]))


def _shared(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    if ((box <= -1) | (box >= _LARGEST + 1)).any():
        return np.zeros(len(others), np.float32)
    left = np.maximum(box[0] - box[2] / 2, others[:, 0] - others[:, 2] / 2)
    right = np.minimum(box[0] + box[2] / 2, others[:, 0] + others[:, 2] / 2)
    top = np.maximum(box[1] - box[3] / 2, others[:, 1] - others[:, 3] / 2)
    bottom = np.minimum(box[1] + box[3] / 2, others[:, 1] + others[:, 3] / 2)
    shared: np.ndarray = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    return shared


def _quotient(shared: np.ndarray, whole: np.ndarray) -> np.ndarray:
    small = np.abs(whole) < _EPSILON
    return np.where(small, np.float32(0), shared / np.where(small, np.float32(1), whole))
