"""Which candidates a search looks at: at random, or by evolution from those that scored best.

A candidate depends on the seed, its number, and for evolution on the scores of whole generations before it: neither on
the number of workers nor on the order in which they finish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from compress.search.space import Space, Widths

STRATEGIES = ("random", "evolution")
GENERATION = 16
PARENTS = 8
_MUTATED = 0.15  # of the groups
_REDRAWS = 30  # of a configuration that was drawn before


@dataclass
class Candidates:
    """The candidates of a search, one after another.

    `scores`, number to score, must hold every candidate below `needed(number)` when that candidate is drawn.
    """

    space: Space
    strategy: str
    seed: int
    scores: dict[int, float] = field(default_factory=dict)
    drawn: list[Widths] = field(default_factory=list)
    _seen: set[tuple[int, ...]] = field(default_factory=set)

    def needed(self, number: int) -> int:
        """How many of the first candidates must have been scored before this one can be drawn."""
        return 0 if self.strategy == "random" else number - number % GENERATION

    def draw(self) -> Widths | None:
        """The next candidate, within the band; None where nothing new is found any more."""
        number = len(self.drawn)
        for attempt in range(_REDRAWS):
            random = np.random.default_rng([self.seed, number, attempt])
            widths = self._one(number, random)
            key = tuple(widths.values())
            if key not in self._seen:
                self._seen.add(key)
                self.drawn.append(widths)
                return widths
        return None

    def _one(self, number: int, random: np.random.Generator) -> Widths:
        parents = self._parents(self.needed(number))
        if len(parents) < 2:
            return self.space.within(self.space.random_path(random), random)
        first, second = (self.drawn[parents[i]] for i in random.choice(len(parents), 2, replace=False))
        child = self._child(first, second, random)
        if self.space.share(child) in self.space.band:
            return child
        return self.space.within(self.space.path_through(child), random)

    def _parents(self, count: int) -> list[int]:
        """The best of the first `count` candidates, the best first; of equals the earlier."""
        scored = [number for number in range(count) if number in self.scores]
        return sorted(scored, key=lambda number: (-self.scores[number], number))[:PARENTS]

    def _child(self, first: Mapping[str, int], second: Mapping[str, int], random: np.random.Generator) -> Widths:
        """Each group from one of two parents, a few of them drawn anew."""
        space, child = self.space, dict(first)
        for name in space.free:
            if random.random() < 0.5:
                child[name] = second[name]
            if random.random() < _MUTATED:
                child[name] = space.least[name] + space.align * int(random.integers(space.blocks(name) + 1))
        return child


def numbered(candidates: Candidates, count: int) -> Iterator[tuple[int, Widths]]:
    """The first `count` candidates with their numbers; ends early where nothing new is found."""
    for number in range(len(candidates.drawn), count):
        widths = candidates.draw()
        if widths is None:
            return
        yield number, widths
