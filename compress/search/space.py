"""The width configurations of a model that meet a budget, and how one is drawn without trial and error.

A draw is a path from the widest configuration to the narrowest. Where it has a share that lies in the budget's band is
found by bisection, because the cost never grows as layers become narrower. Layers come in blocks, so a path can jump
over a narrow band: single blocks are then added, and last the draw moves towards a configuration that is known to be
within.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from compress.channels.flow import ChannelFlow
from compress.prune.alignment import aligned_up, aligned_width
from compress.prune.budget import Cost
from deploy.errors import UsageError

Widths = dict[str, int]
"""Kept channels by the name of each removable group."""
Path = Callable[[float], Widths]
"""From 0, the widest, to 1, the narrowest; no layer becomes wider on the way."""

_STEPS = 40  # of a bisection: more than floats can tell apart
_FEW = 10_000  # configurations that are all looked at
_TRIES = 20  # random paths before a band counts as out of reach


@dataclass(frozen=True)
class Band:
    """What may remain: `ratio` of the full-width cost, give or take `delta`; both 0..1."""

    ratio: float
    delta: float

    @property
    def low(self) -> float:
        return self.ratio - self.delta

    @property
    def high(self) -> float:
        return self.ratio + self.delta

    def __contains__(self, share: float) -> bool:
        return self.low <= share <= self.high


class Space:
    """Every removable group in whole blocks of `align`, between its `floor` (a share of it, 0..1) and its width.

    A group that is narrower than a block stays whole. `cost` must not grow when a group becomes narrower.
    Raises UsageError where no configuration is within the band, naming what can be reached.

    Attributes:
        least, most: the narrowest and the widest configuration.
        full: the model's own widths.
    """

    def __init__(self, flow: ChannelFlow, cost: Cost, band: Band, align: int = 8, floor: float = 0.25) -> None:
        self.full = {group.name: len(group.classes) for group in flow.removable()}
        if not self.full:
            raise UsageError("the model has no channels that can be removed")
        self.align, self.band, self._cost, self._floor = align, band, cost, floor
        self.most = {name: aligned_width(width, align) for name, width in self.full.items()}
        self.least = {
            name: width if width < align else min(max(align, aligned_up(floor * self.full[name], align)), width)
            for name, width in self.most.items()
        }
        self.free = [name for name in self.full if self.least[name] < self.most[name]]
        self.whole_cost = cost(self.full)
        self._within = self._find_one()

    def share(self, widths: Mapping[str, int]) -> float:
        """The configuration's cost as a share of the full-width model's."""
        return self._cost(widths) / self.whole_cost

    def blocks(self, name: str) -> int:
        """How many blocks a group can lose."""
        return (self.most[name] - self.least[name]) // self.align

    def narrowed(self, kept: Mapping[str, float]) -> Widths:
        """The configuration that keeps a share (0..1) of the blocks that each group can lose, to the nearest."""
        widths = dict(self.most)
        for name in self.free:
            widths[name] = self.least[name] + self.align * math.floor(kept[name] * self.blocks(name) + 0.5)
        return widths

    def random_path(self, random: np.random.Generator) -> Path:
        """Towards a random configuration: each group has its own share, uniform in 0..1, raised to a common power."""
        share = dict(zip(self.free, random.random(len(self.free)).tolist(), strict=True))

        def path(t: float) -> Widths:
            power = t / (1 - t) if t < 1 else math.inf
            return self.narrowed({name: value**power for name, value in share.items()})

        return path

    def path_through(self, widths: Mapping[str, int]) -> Path:
        """From the widest through `widths`, at 0.5, to the narrowest."""
        middle = {name: (widths[name] - self.least[name]) / self.align / self.blocks(name) for name in self.free}

        def path(t: float) -> Widths:
            wider = max(0.0, 1 - 2 * t)
            left = min(1.0, 2 - 2 * t)
            return self.narrowed({name: (value + (1 - value) * wider) * left for name, value in middle.items()})

        return path

    def within(self, path: Path, random: np.random.Generator) -> Widths:
        """Where the path has a share that is drawn from the band, mended where it jumps over the band; always in it."""
        near = self._crossing(path, random)
        if self.share(near) in self.band:
            return near
        for name in random.permutation(self.free).tolist():
            near = {**near, name: self._within[name]}
            if self.share(near) in self.band:
                return near
        return dict(self._within)

    def _crossing(self, path: Path, random: np.random.Generator) -> Widths:
        """The path's configuration at a share drawn from the band, or the nearest to it that is not above the band."""
        low, high = self.share(path(1.0)), self.share(path(0.0))
        target = random.uniform(max(low, min(self.band.low, high)), max(low, min(self.band.high, high)))
        wide, narrow = 0.0, 1.0
        for _ in range(_STEPS):
            middle = (wide + narrow) / 2
            wide, narrow = (wide, middle) if self.share(path(middle)) <= target else (middle, narrow)
        for widths in (path(narrow), path(wide)):
            if self.share(widths) in self.band:
                return widths
        return self._filled_up(path(narrow), random)

    def _filled_up(self, widths: Widths, random: np.random.Generator) -> Widths:
        """Add blocks, in random order, that do not exceed the band, until it is reached or no block fits."""
        widths = dict(widths)
        added = True
        while added:
            added = False
            for name in random.permutation(self.free).tolist():
                more = {**widths, name: widths[name] + self.align}
                if more[name] <= self.most[name] and (share := self.share(more)) <= self.band.high:
                    widths, added = more, True
                    if share >= self.band.low:
                        return widths
        return widths

    def _find_one(self) -> Widths:
        """A configuration within the band. Raises UsageError where there is none, or none was found."""
        low, high = self.share(self.least), self.share(self.most)
        if self.band.high < low or self.band.low > high:
            raise UsageError(
                f"--remain-ratio is {self.band.ratio:g} with --delta {self.band.delta:g}, but with --align "
                f"{self.align} and --floor {self._floor:g} between {low:.3f} and {high:.3f} can remain"
            )
        if (count := math.prod(1 + self.blocks(name) for name in self.free)) <= _FEW:
            return self._among_all()
        nearest: list[float] = []
        for attempt in range(_TRIES):
            random = np.random.default_rng([attempt])
            found = self._crossing(self.random_path(random), random)
            if (share := self.share(found)) in self.band:
                return found
            nearest.append(share)
        raise UsageError(
            f"--delta is {self.band.delta:g}, too narrow: of {count:.2g} configurations none was found between "
            f"{self.band.low:.4f} and {self.band.high:.4f}; the nearest below keeps {max(nearest):.4f}"
        )

    def _among_all(self) -> Widths:
        ranges = [range(self.least[name], self.most[name] + 1, self.align) for name in self.free]
        best, gap = dict(self.most), math.inf
        for counts in itertools.product(*ranges):
            widths = {**self.most, **dict(zip(self.free, counts, strict=True))}
            away = abs(self.share(widths) - self.band.ratio)
            if away < gap:
                best, gap = widths, away
        if self.share(best) not in self.band:
            raise UsageError(
                f"--delta is {self.band.delta:g}, too narrow: with --align {self.align} and --floor {self._floor:g} "
                f"the nearest to --remain-ratio {self.band.ratio:g} that can remain is {self.share(best):.4f}"
            )
        return best
