"""Which channels travel together through a graph, and where zeros may stand between them.

Every channel of every tensor gets an id. Ids that an element-wise operator lays over each other are one class. A run of
classes that stand side by side in the same order in every tensor is an atom: zeros can follow an atom, the same number
in all tensors, and never stand inside one. A class that reaches something which would notice zeros is pinned: its atom
gets none.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

_EDGE = -1


class Opaque(Exception):
    """A node that zeros must not pass; the text is a reason for people."""


class Channels:
    """`ids[tensor]` are the ids of its channels (axis 1), int64 [C]."""

    def __init__(self) -> None:
        self.ids: dict[str, np.ndarray] = {}
        self._parent: list[int] = []
        self._pinned: dict[int, str] = {}
        self._grouped: list[list[np.ndarray]] = []
        self._convolved: set[str] = set()

    def fresh(self, count: int) -> np.ndarray:
        start = len(self._parent)
        self._parent.extend(range(start, start + count))
        return np.arange(start, start + count)

    def unite(self, first: np.ndarray, second: np.ndarray) -> None:
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            root, other = self._root(a), self._root(b)
            if root != other:
                self._parent[other] = root
                if other in self._pinned:
                    self._pinned.setdefault(root, self._pinned.pop(other))

    def pin(self, ids: np.ndarray, reason: str) -> None:
        for one in ids.tolist():
            self._pinned.setdefault(self._root(one), reason)

    def convolved(self, *tensors: str) -> None:
        """A convolution reads or makes these tensors: their counts are what is to be aligned."""
        self._convolved.update(tensors)

    def group(self, ids: np.ndarray, groups: int) -> None:
        """A grouped convolution splits these channels evenly: every group gets zeros of its own, equally many."""
        self._grouped.append(np.split(ids, groups))

    def pin_reason(self, tensor: str) -> str:
        """Why some channels of the tensor are pinned; empty where none is."""
        roots = (self._root(one) for one in self.ids[tensor].tolist())
        return next((self._pinned[root] for root in roots if root in self._pinned), "")

    def layouts(self, multiple: int) -> dict[str, np.ndarray]:
        """For each tensor the original channel at every place, -1 for a zero; int64 [padded C]."""
        while True:
            atoms, last = self._atoms()
            linked = self._linked(atoms, last)
            if linked is not None:
                break
        pads = self._pads(atoms, linked, multiple)
        return {tensor: self._layout(ids, last, pads) for tensor, ids in self.ids.items()}

    def _root(self, one: int) -> int:
        parent = self._parent
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    def _classes(self, ids: np.ndarray) -> list[int]:
        return [self._root(one) for one in ids.tolist()]

    def _atoms(self) -> tuple[dict[int, int], set[int]]:
        """For each class the number of the atom it is in, and the classes that end one."""
        after: dict[int, set[int]] = defaultdict(set)
        before: dict[int, set[int]] = defaultdict(set)
        for ids in self.ids.values():
            row = [_EDGE, *self._classes(ids), _EDGE]
            for left, right in zip(row, row[1:], strict=False):
                after[left].add(right)
                before[right].add(left)
        for parts in self._grouped:
            for part in parts:
                before[self._root(int(part[0]))].add(_EDGE)
        joined = {}
        for left, followers in after.items():
            right = next(iter(followers))
            if left != _EDGE and len(followers) == 1 and right != _EDGE and before[right] == {left}:
                joined[left] = right
        atoms: dict[int, int] = {}
        last = set()
        for first in set(before) - set(joined.values()) - {_EDGE}:
            one = first
            atoms[one] = first
            while one in joined:
                one = joined[one]
                atoms[one] = first
            last.add(one)
        for one in set(before) - set(atoms) - {_EDGE}:  # a ring: no tensor begins with any of these
            atoms[one] = one
            last.add(one)
        return atoms, last

    def _linked(self, atoms: dict[int, int], last: set[int]) -> dict[int, int] | None:
        """For each atom one that stands for all that need equally many zeros.

        None where the groups of a grouped convolution are not built alike: their channels are pinned then.
        """
        sizes = Counter(atoms.values())
        stands = {atom: atom for atom in sizes}
        for parts in self._grouped:
            if any(self._root(one) in self._pinned for part in parts for one in part.tolist()):
                unpinned = [one for p in parts for one in p.tolist() if self._root(one) not in self._pinned]
                if unpinned:
                    self.pin(np.array(unpinned), "shares a grouped convolution with channels that keep their number")
                    return None
                continue
            rows = [list(dict.fromkeys(atoms[one] for one in self._classes(part))) for part in parts]
            ends = all(self._root(int(part[-1])) in last for part in parts)
            if not ends or len({tuple(sizes[atom] for atom in row) for row in rows}) > 1:
                for part in parts:
                    self.pin(part, "reaches a grouped convolution whose groups are not built alike")
                return None
            for row in rows[1:]:
                for atom, leader in zip(row, rows[0], strict=True):
                    old, new = stands[atom], stands[leader]
                    stands = {key: new if value == old else value for key, value in stands.items()}
        return stands

    def _pads(self, atoms: dict[int, int], stands: dict[int, int], multiple: int) -> dict[int, int]:
        """For the class that ends an atom the number of zeros behind it.

        Linked atoms that only ever appear several times in a tensor share the alignment among them.
        """
        sizes = Counter(atoms.values())
        times: dict[int, int] = defaultdict(int)
        for tensor in self._convolved:
            counts = Counter(atoms[one] for one in self._classes(self.ids[tensor]))
            seen: Counter[int] = Counter()
            for atom, count in counts.items():
                seen[stands[atom]] += count // sizes[atom]
            for leader, count in seen.items():
                times[leader] = math.gcd(times[leader], count)
        pinned = {stands[atoms[self._root(one)]] for one in self._pinned if self._root(one) in atoms}
        pads = {}
        for one, atom in atoms.items():
            leader = stands[atom]
            share = multiple // math.gcd(multiple, times[leader] or 1)
            pads[one] = 0 if leader in pinned else -sizes[atom] % share
        return pads

    def _layout(self, ids: np.ndarray, last: set[int], pads: dict[int, int]) -> np.ndarray:
        places: list[int] = []
        for index, one in enumerate(self._classes(ids)):
            places.append(index)
            if one in last:
                places.extend([-1] * pads[one])
        return np.array(places, np.int64)


def spread(values: np.ndarray, axis: int, layout: Sequence[int] | np.ndarray, filling: float) -> np.ndarray:
    """`values` with `filling` at the places of an axis where `layout` has -1."""
    kept = np.asarray(layout) >= 0
    shape = list(values.shape)
    shape[axis] = len(kept)
    out = np.full(shape, filling, values.dtype)
    where: list[slice | np.ndarray] = [slice(None)] * values.ndim
    where[axis] = kept
    out[tuple(where)] = values
    return out
