"""Candidates meet the budget as they are drawn; what cannot be reached is refused with what can."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

from compress.channels.flow import ChannelFlow
from compress.prune.budget import Cost, flops_cost, params_cost
from compress.search.space import Band, Space
from compress.search.strategies import GENERATION, Candidates
from deploy.errors import UsageError


@pytest.fixture(scope="module")
def costs(nano: Any, nano_flow: ChannelFlow) -> dict[str, Cost]:
    return {"flops": flops_cost(nano, nano_flow, 64), "params": params_cost(nano, nano_flow)}


@pytest.fixture(scope="module")
def nano(tiny_model: Callable[..., Any]) -> Any:
    return tiny_model(width_multiple=0.25)


def drawn(space: Space, strategy: str, seed: int, count: int) -> list[dict[str, int]]:
    candidates = Candidates(space, strategy, seed)
    for number in range(count):
        widths = candidates.draw()
        assert widths
        candidates.scores[number] = sum(widths.values()) % 97 / 97
    return candidates.drawn


@pytest.mark.parametrize(
    ("budget", "ratio", "delta", "align", "floor", "strategy"),
    [
        pytest.param("flops", 0.5, 0.02, 8, 0.25, "random", id="as it is by default"),
        pytest.param("flops", 0.5, 0.02, 8, 0.25, "evolution", id="bred"),
        pytest.param("params", 0.3, 0.005, 16, 0.1, "evolution", id="parameters in blocks of 16, narrow band"),
        pytest.param("flops", 0.98, 0.02, 8, 0.25, "random", id="the widest is within"),
        pytest.param("flops", 0.6, 0.4, 1, 0.0, "random", id="everything is within"),
        pytest.param("flops", 0.7, 0.0005, 8, 0.25, "random", id="blocks jump over the band"),
    ],
)
def test_candidates_are_within_the_band(
    costs: dict[str, Cost], nano_flow: ChannelFlow, budget: str, ratio: float, delta: float, align: int, floor: float,
    strategy: str,
) -> None:  # fmt: skip
    space = Space(nano_flow, costs[budget], Band(ratio, delta), align, floor)
    found = drawn(space, strategy, 3, 2 * GENERATION + 4)
    whole = costs[budget](space.full)
    for widths in found:
        assert abs(costs[budget](widths) / whole - ratio) <= delta
        for name, width in widths.items():
            assert width % align == 0 or width == space.full[name] < align
            assert width >= min(floor * space.full[name], space.most[name])
    assert len({tuple(widths.values()) for widths in found}) == len(found), "each but once"
    differ = [name for name in space.free if len({widths[name] for widths in found}) > 1]
    assert len(differ) > len(space.free) / 3, "layers differ"


@pytest.mark.parametrize("strategy", ["random", "evolution"])
def test_the_seed_gives_the_candidates(costs: dict[str, Cost], nano_flow: ChannelFlow, strategy: str) -> None:
    space = Space(nano_flow, costs["flops"], Band(0.5, 0.02))
    first, again, other = (drawn(space, strategy, seed, GENERATION + 3) for seed in (5, 5, 6))
    assert first == again and first[0] != other[0]


def test_evolution_breeds_from_the_best(costs: dict[str, Cost], nano_flow: ChannelFlow) -> None:
    """Scores reward a wide first layer: later generations have a wider one than chance gives."""
    space = Space(nano_flow, costs["flops"], Band(0.5, 0.02))
    candidates = Candidates(space, "evolution", 0)
    name = space.free[0]
    for number in range(4 * GENERATION):
        widths = candidates.draw()
        assert widths
        candidates.scores[number] = float(widths[name])
    means = [
        sum(widths[name] for widths in candidates.drawn[start : start + GENERATION]) / GENERATION
        for start in (0, 3 * GENERATION)
    ]
    assert means[1] > means[0]
    assert candidates.needed(GENERATION + 3) == GENERATION, "a generation depends on whole ones before it"


@pytest.mark.parametrize(
    ("ratio", "delta", "align", "floor", "sentence"),
    [
        pytest.param(0.05, 0.01, 8, 0.25, r"--remain-ratio is 0\.05 .* between 0\.\d+ and 0?1?\.\d+ can", id="too low"),
        pytest.param(1.0, 0.0, 48, 0.25, r"can remain", id="too high: widths are cut to blocks"),
        pytest.param(0.5000123, 0.0, 8, 0.25, r"--delta is 0, too narrow: .* nearest", id="nothing is that near"),
    ],
)
def test_what_cannot_be_reached(
    costs: dict[str, Cost], nano_flow: ChannelFlow, ratio: float, delta: float, align: int, floor: float, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        Space(nano_flow, costs["flops"], Band(ratio, delta), align, floor)


def test_the_named_range_is_the_true_one(costs: dict[str, Cost], nano_flow: ChannelFlow) -> None:
    with pytest.raises(UsageError) as caught:
        Space(nano_flow, costs["flops"], Band(0.01, 0.001))
    low, high = map(float, re.findall(r"(\d\.\d+) and (\d\.\d+) can", str(caught.value))[0])
    assert Space(nano_flow, costs["flops"], Band(low + 0.011, 0.01))
    assert Space(nano_flow, costs["flops"], Band(high - 0.011, 0.01))


def test_a_small_space_is_looked_at_whole(costs: dict[str, Cost], tiny_flow: ChannelFlow, tiny_model: Any) -> None:
    cost = flops_cost(tiny_model(), tiny_flow, 64)
    space = Space(tiny_flow, cost, Band(0.8, 0.2), 64, 0.25)
    ranges = [range(space.least[name], space.most[name] + 1, 64) for name in space.free]
    shares = sorted(
        space.share({**space.most, **dict(zip(space.free, widths, strict=True))})
        for widths in itertools.product(*ranges)
    )
    assert 1 < len(shares) <= 10_000
    gap, low = max((b - a, a) for a, b in itertools.pairwise(shares))
    with pytest.raises(UsageError, match="too narrow"):
        Space(tiny_flow, cost, Band(low + gap / 2, gap / 4), 64, 0.25)
    found = drawn(Space(tiny_flow, cost, Band(low, 1e-6), 64, 0.25), "random", 0, 1)
    assert space.share(found[0]) == pytest.approx(low)
