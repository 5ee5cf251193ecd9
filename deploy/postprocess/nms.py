"""Greedy non-maximum suppression, class by class (the SDK's NmsSort).

A box falls to a better one of its class when their IoU is greater than the threshold (strictly); widths carry no +1;
there is no cap on the number of boxes. All in float32, operation for operation, because exact ties occur.

Equal scores of a class come in the order of the SDK's std::sort: that of the input up to 16 boxes, shuffled beyond.
"""

from __future__ import annotations

import numpy as np

from deploy.postprocess.tie_order import RUN, falling

# NMS works in blocks: a matrix for the boxes of a block, then matrices of BLOCK x CHUNK against all later boxes:
# small enough to stay in the cache, large enough for few calls.
BLOCK = 128
CHUNK = 480
_EPSILON = np.float32(1e-6)  # a union below it counts as no overlap


def iou_matrix(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """IoU of every pair: float32 [n, 4] and [m, 4] (x0 y0 x1 y1) to float32 [n, m] in 0..1."""
    rows, columns = _Boxes(first, None), _Boxes(second, None)
    rows.tiny |= columns.tiny
    return _iou(rows, slice(None), columns, slice(None))


def suppress(
    boxes: np.ndarray,
    scores: np.ndarray,
    classes: np.ndarray,
    iou_threshold: float,
    areas: np.ndarray | None = None,
) -> np.ndarray:
    """Indices (intp [k]) of the boxes that stay, classes ascending, within a class by falling score.

    boxes float32 [n, 4] (x0 y0 x1 y1), scores float32 [n], classes int [n]; `areas` float32 [n] where the caller has
    them from sizes, which round otherwise than differences of corners.
    """
    order = _by_class_and_score(scores, classes)
    count = len(order)
    sorted_boxes = _Boxes(boxes[order], None if areas is None else areas[order])
    classes = classes[order]
    threshold = np.float32(iou_threshold)
    if count <= BLOCK:
        return order[_kept(sorted_boxes, slice(None), classes, threshold)]
    alive = np.ones(count, bool)
    end = 0
    while end < count:
        start, end = end, _block_end(classes, end)
        block = start + np.flatnonzero(alive[start:end])
        if not len(block):
            continue
        block = block[_kept(sorted_boxes, block, classes[block], threshold)]
        alive[start:end] = False
        alive[block] = True
        # only the block's last class continues after the block
        last_class = classes[end - 1]
        later_end = int(np.searchsorted(classes, last_class, side="right"))
        later = end + np.flatnonzero(alive[end:later_end])
        best = block[classes[block] == last_class]
        for chunk in range(0, len(later) if len(best) else 0, CHUNK):
            columns = later[chunk : chunk + CHUNK]
            fallen = (_iou(sorted_boxes, best, sorted_boxes, columns) > threshold).any(axis=0)
            alive[columns[fallen]] = False
    return order[alive]


def _by_class_and_score(scores: np.ndarray, classes: np.ndarray) -> np.ndarray:
    order = np.lexsort((-scores, classes))
    if len(order) <= RUN:
        return order
    ranked = scores[order]
    equal = ranked[1:] == ranked[:-1]
    if not equal.any():
        return order
    kinds = classes[order]
    for kind in np.unique(kinds[1:][equal & (kinds[1:] == kinds[:-1])]):
        begin, end = np.searchsorted(kinds, [kind, kind + 1])
        if end - begin > RUN:
            members = np.flatnonzero(classes == kind)
            order[begin:end] = members[falling(scores[members])]
    return order


def _block_end(classes: np.ndarray, start: int) -> int:
    """Where the block that begins at `start` ends: BLOCK further, or before its last class if enough is left."""
    end = min(start + BLOCK, len(classes))
    if end < len(classes) and classes[start] != classes[end - 1]:
        begin = int(np.searchsorted(classes, classes[end - 1]))
        if begin - start >= BLOCK // 2:
            return begin
    return end


class _Boxes:
    """Corners and areas, each one behind the other; `tiny` where an area is so small that a union may be too."""

    def __init__(self, boxes: np.ndarray, areas: np.ndarray | None) -> None:
        self.corners = np.ascontiguousarray(boxes.T, np.float32)
        x0, y0, x1, y1 = self.corners
        self.areas = (x1 - x0) * (y1 - y0) if areas is None else areas
        self.tiny = bool(len(self.areas)) and not self.areas.min() > 2 * _EPSILON


def _iou(first: _Boxes, rows: np.ndarray | slice, second: _Boxes, columns: np.ndarray | slice) -> np.ndarray:
    left, top, right, bottom = first.corners[:, rows, None]
    other = second.corners[:, columns]
    width = np.minimum(right, other[2])
    width -= np.maximum(left, other[0])
    np.maximum(width, 0, out=width)
    inter = np.minimum(bottom, other[3])
    inter -= np.maximum(top, other[1])
    np.maximum(inter, 0, out=inter)
    inter *= width
    union = np.add(first.areas[rows, None], second.areas[columns], out=width)
    union -= inter
    if first.tiny:  # where the union is too small the quotient becomes inter / infinity = 0
        union[np.abs(union) < _EPSILON] = np.inf
    inter /= union
    return inter


def _kept(boxes: _Boxes, block: np.ndarray | slice, classes: np.ndarray, threshold: np.float32) -> list[int]:
    """The greedy rule among a few boxes sorted by class and score: the places in the block of those that stay."""
    falls = _iou(boxes, block, boxes, block) > threshold
    count = len(falls)
    if count and classes[0] != classes[-1]:
        falls &= classes[:, None] == classes
    # a row of the matrix as the bits of one whole number: the walk is then over before numpy would have begun it
    rows, width = np.packbits(falls, axis=1, bitorder="little").tobytes(), (count + 7) // 8
    fallen, stay = 0, []
    for place in range(count):
        if not fallen >> place & 1:
            stay.append(place)
            fallen |= int.from_bytes(rows[place * width : (place + 1) * width], "little")
    return stay
