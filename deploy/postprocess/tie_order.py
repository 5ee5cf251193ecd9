"""In which order the SDK's sort leaves equal scores.

Its std::sort keeps up to 16 elements in their order, and shuffles equal ones beyond: a quicksort around the median of
three down to runs of 16, then one insertion sort over all. The latter is stable, so only the quicksort's exchanges are
repeated here. Source: libstdc++'s bits/stl_algo.h. (Where its quicksort degenerates, it changes to a heap sort, which
is not imitated: such a run keeps its order.)
"""

from __future__ import annotations

import numpy as np

RUN = 16  # std::sort leaves runs up to this length to the insertion sort


def falling(scores: np.ndarray) -> np.ndarray:
    """Indices (intp [n]) that sort scores float32 [n] from the highest down, equal ones as std::sort leaves them."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    if len(scores) <= RUN or not (ranked[1:] == ranked[:-1]).any():
        return order
    shuffled = _quicksort(scores.tolist())
    return shuffled[np.argsort(-scores[shuffled], kind="stable")]


def _quicksort(values: list[float]) -> np.ndarray:
    """The permutation (intp [n]) that the quicksort makes before the insertion sort begins."""
    order = list(range(len(values)))
    ranges = [(0, len(values), 2 * (len(values).bit_length() - 1))]
    while ranges:
        first, last, depth = ranges.pop()
        while last - first > RUN and depth:
            depth -= 1
            cut = _partition(values, order, first, last)
            ranges.append((cut, last, depth))
            last = cut
    return np.array(order, np.intp)


def _partition(values: list[float], order: list[int], first: int, last: int) -> int:
    """Split [first, last) in place around its median of three; returns where the second part begins."""
    middle = _median(values, first + 1, first + (last - first) // 2, last - 1)
    values[first], values[middle] = values[middle], values[first]
    order[first], order[middle] = order[middle], order[first]
    pivot = values[first]
    low, high = first + 1, last
    while True:
        while values[low] > pivot:
            low += 1
        high -= 1
        while pivot > values[high]:
            high -= 1
        if low >= high:
            return low
        values[low], values[high] = values[high], values[low]
        order[low], order[high] = order[high], order[low]
        low += 1


def _median(values: list[float], a: int, b: int, c: int) -> int:
    if values[a] > values[b]:
        if values[b] > values[c]:
            return b
        return c if values[a] > values[c] else a
    if values[a] > values[c]:
        return a
    return c if values[b] > values[c] else b
