"""When pruning by gamma warns: where what goes was not near zero."""

from __future__ import annotations

import numpy as np
import pytest

from compress.prune.plan import GroupPlan, Plan
from compress.prune.sparse_enough import near_zero_share, sparsity_warning


def plan(removed: list[int], width: int) -> Plan:
    kept = [i for i in range(width) if i not in removed]
    return Plan({"percent": 0.5}, 1, 0.0, [GroupPlan("g", ["g"], width, kept, removed, [1.0] * width, "")])


@pytest.mark.parametrize(
    ("gammas", "removed", "warns"),
    [
        pytest.param([0.001] * 10 + [0.8] * 10, list(range(10)), False, id="two heaps, the lower one goes"),
        pytest.param([0.001] * 19 + [0.5], list(range(20)), False, id="one in twenty was alive"),
        pytest.param(list(np.linspace(0.2, 1, 20)), list(range(10)), True, id="a dense model"),
        pytest.param([0.001] * 5 + [0.4] * 15, list(range(10)), True, id="half of what goes was alive"),
        pytest.param([0.5] * 20, [], False, id="nothing goes"),
    ],
)
def test_warning(gammas: list[float], removed: list[int], warns: bool) -> None:
    sentence = sparsity_warning({"g": np.array(gammas)}, plan(removed, len(gammas)))
    assert bool(sentence) == warns


def test_what_it_says() -> None:
    gammas = np.array([0.001] * 5 + [0.4] * 5 + [0.9] * 10)
    sentence = sparsity_warning({"g": gammas}, plan(list(range(10)), 20))
    assert "25.0% of them are below 0.01" in sentence
    assert "5 of the 10 channels that go have more, up to 0.4 (the 25% point of the histogram)" in sentence
    assert "\n" not in sentence


def test_share() -> None:
    assert near_zero_share({"a": np.array([0.0, 0.5]), "b": np.array([0.009, 0.01])}) == 0.5
    assert near_zero_share({}) == 0
