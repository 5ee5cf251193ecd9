"""Greedy non-maximum suppression, class by class (the SDK's NmsSort).

A box falls to a better one of its class when their IoU is greater than the threshold (strictly); widths carry no +1;
there is no cap on the number of boxes. All in float32, operation for operation, because exact ties occur.
"""

from __future__ import annotations

import numpy as np

# Boxes are settled in blocks: within a block by a small matrix, against all later ones by matrices of BLOCK x CHUNK,
# small enough to stay in the cache (five times faster than one wide matrix).
BLOCK = 64
CHUNK = 480
_EPSILON = 1e-6  # a union below it counts as no overlap


def iou_matrix(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """IoU of every pair: float32 [n, 4] and [m, 4] (x0 y0 x1 y1) to float32 [n, m] in 0..1."""
    # coordinates one behind the other: the loops below then run over contiguous memory
    rows, columns = first.T[:, :, None].copy(), second.T.copy()
    width = np.minimum(rows[2], columns[2])
    width -= np.maximum(rows[0], columns[0])
    np.maximum(width, 0, out=width)
    inter = np.minimum(rows[3], columns[3])
    inter -= np.maximum(rows[1], columns[1])
    np.maximum(inter, 0, out=inter)
    inter *= width
    union = np.add(_area(rows), _area(columns), out=width)
    union -= inter
    # where the union is too small the quotient becomes inter / infinity = 0
    union[np.abs(union) < _EPSILON] = np.inf
    inter /= union
    return inter


def suppress(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, iou_threshold: float) -> np.ndarray:
    """Indices (intp [k]) of the boxes that stay, classes ascending, within a class by falling score.

    boxes float32 [n, 4] (x0 y0 x1 y1), scores float32 [n], classes int [n]. Equal scores keep the order of the input.
    """
    order = np.lexsort((-scores, classes))
    count = len(order)
    boxes, classes = boxes[order], classes[order]
    threshold = np.float32(iou_threshold)
    alive = np.ones(count, bool)
    for start in range(0, count, BLOCK):
        end = min(start + BLOCK, count)
        block = start + np.flatnonzero(alive[start:end])
        if not len(block):
            continue
        block = block[_settle(boxes[block], classes[block], threshold)]
        alive[start:end] = False
        alive[block] = True
        # only the block's last class goes on behind the block
        last_class = classes[end - 1]
        later_end = int(np.searchsorted(classes, last_class, side="right"))
        later = end + np.flatnonzero(alive[end:later_end])
        best = block[classes[block] == last_class]
        for chunk in range(0, len(later) if len(best) else 0, CHUNK):
            columns = later[chunk : chunk + CHUNK]
            fallen = (iou_matrix(boxes[best], boxes[columns]) > threshold).any(axis=0)
            alive[columns[fallen]] = False
    return order[alive]


def _settle(boxes: np.ndarray, classes: np.ndarray, threshold: np.float32) -> np.ndarray:
    """The greedy rule among a few boxes sorted by class and score: bool [n], True where a box stays."""
    alive = np.ones(len(boxes), bool)
    falls = np.triu(iou_matrix(boxes, boxes) > threshold, 1)
    falls &= classes[:, None] == classes[None, :]
    for row in np.flatnonzero(falls.any(axis=1)):
        if alive[row]:
            alive[falls[row]] = False
    return alive


def _area(corners: np.ndarray) -> np.ndarray:
    """Areas of boxes whose first axis is x0 y0 x1 y1."""
    return (corners[2] - corners[0]) * (corners[3] - corners[1])
