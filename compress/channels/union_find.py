"""Union-find (disjoint sets) over whole numbers, with the reasons why a set must stay as it is."""

from __future__ import annotations

import numpy as np


class UnionFind:
    """Sets of numbers 0, 1, 2, ...; each set is named by its smallest number, its root.

    Path halving keeps the look-up of a root nearly constant (Tarjan and van Leeuwen 1984).
    """

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._pins: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._parent)

    def fresh(self, count: int, pinned: str = "") -> np.ndarray:
        """`count` new numbers, each a set of its own, int64 [count]; pinned where a reason is given."""
        start = len(self._parent)
        self._parent.extend(range(start, start + count))
        ids = np.arange(start, start + count)
        if pinned:
            self.pin(ids, pinned)
        return ids

    def root(self, one: int) -> int:
        parent = self._parent
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    def roots(self, ids: np.ndarray) -> np.ndarray:
        """The root of each number, int64 of the same length."""
        return np.array([self.root(one) for one in ids.tolist()], np.int64)

    def unite(self, first: np.ndarray, second: np.ndarray) -> None:
        """Unite the sets of the numbers that stand at the same place. Both are [n]."""
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            low, high = sorted((self.root(a), self.root(b)))
            self._parent[high] = low

    def pin(self, ids: np.ndarray, reason: str) -> None:
        """Pin the sets of these numbers; a number that is pinned already keeps its first reason."""
        for one in ids.tolist():
            self._pins.setdefault(one, reason)

    def pinned(self) -> dict[int, str]:
        """For the root of each pinned set the first reason that was given."""
        found: dict[int, str] = {}
        for one, reason in self._pins.items():
            found.setdefault(self.root(one), reason)
        return found
