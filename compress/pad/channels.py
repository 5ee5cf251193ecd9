"""Which channels go together through a graph, and where zeros may stand between them.

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

from compress.channels.union_find import UnionFind

_EDGE = -1


class Opaque(Exception):
    """A node that zeros must not pass; the text is a reason for people."""


class Channels:
    """`ids[tensor]` are the ids of its channels (axis 1), int64 [C]."""

    def __init__(self) -> None:
        self.ids: dict[str, np.ndarray] = {}
        self._classes = UnionFind()
        self._grouped: list[list[np.ndarray]] = []
        self._convolved: set[str] = set()

    def fresh(self, count: int) -> np.ndarray:
        return self._classes.fresh(count)

    def unite(self, first: np.ndarray, second: np.ndarray) -> None:
        self._classes.unite(first, second)

    def pin(self, ids: np.ndarray, reason: str) -> None:
        self._classes.pin(ids, reason)

    def convolved(self, *tensors: str) -> None:
        """A convolution reads or makes these tensors: their counts are what is to be aligned."""
        self._convolved.update(tensors)

    def group(self, ids: np.ndarray, groups: int) -> None:
        """A grouped convolution splits these channels evenly: every group gets zeros of its own, equally many."""
        self._grouped.append(np.split(ids, groups))

    def pin_reason(self, tensor: str) -> str:
        """Why some channels of the tensor are pinned; empty where none is."""
        pinned = self._classes.pinned()
        return next((pinned[one] for one in self._roots(self.ids[tensor]) if one in pinned), "")

    def layouts(self, multiple: int) -> dict[str, np.ndarray]:
        """For each tensor the original channel at every place, -1 for a zero; int64 [padded C]."""
        atoms, last = self._atoms()
        self._pin_uneven_groups(atoms, last)
        pads = self._pads(atoms, self._linked(atoms), multiple)
        return {tensor: self._layout(ids, last, pads) for tensor, ids in self.ids.items()}

    def _roots(self, ids: np.ndarray) -> list[int]:
        return self._classes.roots(ids).tolist()

    def _atoms(self) -> tuple[dict[int, int], set[int]]:
        """For each class the number of the atom it is in, and the classes that end one."""
        after: dict[int, set[int]] = defaultdict(set)
        before: dict[int, set[int]] = defaultdict(set)
        for ids in self.ids.values():
            row = [_EDGE, *self._roots(ids), _EDGE]
            for left, right in zip(row, row[1:], strict=False):
                after[left].add(right)
                before[right].add(left)
        for parts in self._grouped:
            for part in parts:
                before[self._classes.root(int(part[0]))].add(_EDGE)
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

    def _pin_uneven_groups(self, atoms: dict[int, int], last: set[int]) -> None:
        """Pin what a grouped convolution cannot share out evenly.

        A pinned channel pins all others of its grouped convolution, which may reach the next one: until none is added.
        """
        sizes = Counter(atoms.values())
        for parts in self._grouped:
            ends = all(self._roots(part)[-1] in last for part in parts)
            built = {tuple(sizes[atom] for atom in self._row(part, atoms)) for part in parts}
            if not ends or len(built) > 1:
                self.pin(np.concatenate(parts), "reaches a grouped convolution whose groups are not built alike")
        roots = [set(self._roots(np.concatenate(parts))) for parts in self._grouped]
        sharing: dict[int, list[int]] = defaultdict(list)
        for number, ones in enumerate(roots):
            for one in ones:
                sharing[one].append(number)
        pinned = set(self._classes.pinned())
        waiting = [number for number, ones in enumerate(roots) if ones & pinned]
        reached = set(waiting)
        while waiting:
            number = waiting.pop()
            ids = np.concatenate(self._grouped[number])
            self.pin(ids, "shares a grouped convolution with channels that keep their number")
            for other in {other for one in roots[number] for other in sharing[one]} - reached:
                reached.add(other)
                waiting.append(other)

    def _row(self, part: np.ndarray, atoms: dict[int, int]) -> list[int]:
        """The atoms of a part in their order, each once."""
        return list(dict.fromkeys(atoms[one] for one in self._roots(part)))

    def _linked(self, atoms: dict[int, int]) -> UnionFind:
        """Unites the atoms that need equally many zeros: those at the same place of a grouped convolution's groups."""
        linked = UnionFind()
        linked.fresh(len(self._classes))
        pinned = self._classes.pinned()
        for parts in self._grouped:
            if not any(one in pinned for part in parts for one in self._roots(part)):
                rows = [np.array(self._row(part, atoms)) for part in parts]
                for row in rows[1:]:
                    linked.unite(rows[0], row)
        return linked

    def _pads(self, atoms: dict[int, int], linked: UnionFind, multiple: int) -> dict[int, int]:
        """For the class that ends an atom the number of zeros behind it.

        Linked atoms that only ever appear several times in a tensor share the alignment among them.
        """
        sizes = Counter(atoms.values())
        times: dict[int, int] = defaultdict(int)
        for tensor in self._convolved:
            counts = Counter(atoms[one] for one in self._roots(self.ids[tensor]))
            seen: Counter[int] = Counter()
            for atom, count in counts.items():
                seen[linked.root(atom)] += count // sizes[atom]
            for leader, count in seen.items():
                times[leader] = math.gcd(times[leader], count)
        pinned = {linked.root(atoms[one]) for one in self._classes.pinned() if one in atoms}
        pads = {}
        for one, atom in atoms.items():
            leader = linked.root(atom)
            share = multiple // math.gcd(multiple, times[leader] or 1)
            pads[one] = 0 if leader in pinned else -sizes[atom] % share
        return pads

    def _layout(self, ids: np.ndarray, last: set[int], pads: dict[int, int]) -> np.ndarray:
        places: list[int] = []
        for index, one in enumerate(self._roots(ids)):
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
