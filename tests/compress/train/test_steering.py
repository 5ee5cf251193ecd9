"""The steering of sr, on gammas that fall as they do in training but in no time."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from compress.train.optimizer import rate_at
from compress.train.settings import TrainSettings
from compress.train.sparsity import decayed
from compress.train.steering import FixedRate, SteeredRate, is_split

STEPS = 20


def network(count: int = 2000, unneeded: float = 0.6) -> tuple[torch.Tensor, torch.Tensor]:
    """|gamma| of some channels, and how hard the task pulls each back up: hardly where it is not needed."""
    random = torch.Generator().manual_seed(0)
    gammas = torch.rand(count, generator=random) + 0.4
    pull = torch.where(torch.rand(count, generator=random) < unneeded, 0.0, 0.6 + torch.rand(count, generator=random))
    return gammas, pull


def whole_run(
    target: float, strength: float, epochs: int = 40, unneeded: float = 0.6, **settings: Any
) -> tuple[list[float], str, list[float]]:
    """The share near zero after each epoch, why the run ended, and its rates; `strength` is hidden from the rate."""
    chosen = TrainSettings("data.yaml", epochs=epochs, target_share=target, **settings)
    gammas, pull = network(unneeded=unneeded)
    start = gammas.clone()
    rate = SteeredRate(chosen, gammas, STEPS)
    shares, reason = [], ""
    for epoch in range(epochs):
        lr_sum = 0.0
        for _ in range(STEPS):
            lr = rate_at(chosen, epoch)
            lr_sum += lr
            up = pull * (start - gammas).clamp_min(0)
            gammas = (gammas - lr * (rate.rate(epoch) * strength - up * 4)).clamp_min(0)
        shares.append(float((gammas < 0.01).float().mean()))
        reason = rate.observe(epoch, gammas, gammas, lr_sum)
        if reason:
            break
    return shares, reason, rate.history


@pytest.mark.parametrize("target", [0.3, 0.5])
@pytest.mark.parametrize(
    "strength",
    [
        pytest.param(16.0, id="as strong as momentum makes it"),
        pytest.param(4.0, id="weaker than thought"),
        pytest.param(60.0, id="stronger than thought"),
    ],
)
def test_the_share_is_reached_in_time_and_the_run_ends(target: float, strength: float) -> None:
    """Where the task can do without just that share."""
    shares, reason, rates = whole_run(target, strength, unneeded=target)
    assert reason.endswith("of the gammas are near 0 and the others stand apart")
    assert target - 0.02 <= shares[-1] <= 0.75
    assert 3 < len(shares) <= 32, "by six tenths of 40 epochs, give or take"
    assert len(rates) == len(shares) and all(rate > 0 for rate in rates)


@pytest.mark.parametrize("strength", [4.0, 16.0, 60.0])
def test_the_share_is_held_where_more_could_go(strength: float) -> None:
    """Half is wanted, 70 % are not needed: what is left over stays between the heaps, so no early end is called."""
    shares, reason, _ = whole_run(0.5, strength, unneeded=0.7)
    assert not reason and len(shares) == 40
    assert shares[0] < 0.1 and all(abs(share - 0.5) < 0.06 for share in shares[30:])


def test_a_fixed_rate_would_have_missed() -> None:
    """What the steering corrects: the same first rate, kept, leaves most gammas where they were."""
    chosen = TrainSettings("data.yaml", epochs=40, target_share=0.5)
    gammas, _ = network()
    first = SteeredRate(chosen, gammas, STEPS).sr
    lr_sum = sum(rate_at(chosen, epoch) for epoch in range(40)) * STEPS
    assert float((gammas - lr_sum * first * 4.0 < 0.01).float().mean()) < 0.2


def test_a_run_that_does_not_get_there_ends_with_its_epochs() -> None:
    """It acts a hundred times weaker than thought, and sr at most doubles an epoch."""
    shares, reason, rates = whole_run(0.5, 0.16, epochs=4)
    assert shares == [0.0] * 4 and not reason
    assert [after / before for before, after in zip(rates, rates[1:], strict=False)] == [2.0] * 3


def test_the_given_rate_is_where_it_starts() -> None:
    gammas, _ = network()
    assert SteeredRate(TrainSettings("d", target_share=0.5, sr=0.25), gammas, STEPS).rate(0) == 0.25


def test_state_round_trip() -> None:
    chosen = TrainSettings("data.yaml", epochs=10, target_share=0.5)
    gammas, _ = network()
    one, other = (SteeredRate(chosen, gammas, STEPS) for _ in range(2))
    one.observe(0, gammas * 0.8, gammas * 0.8, 0.2)
    other.load_state_dict(one.state_dict())
    for rate in (one, other):
        rate.observe(1, gammas * 0.5, gammas * 0.5, 0.2)
    assert one.state_dict() == other.state_dict()


def test_a_fixed_rate_falls_by_plan() -> None:
    chosen = TrainSettings("data.yaml", epochs=10, sr=0.2)
    rate = FixedRate(chosen)
    assert [rate.rate(epoch) for epoch in (0, 5, 9)] == [decayed(0.2, epoch, 10) for epoch in (0, 5, 9)]
    assert rate.observe(0, torch.zeros(3), torch.zeros(3), 1.0) == ""


def heaps(near: int, between: int, far: int) -> torch.Tensor:
    return torch.cat([torch.full((near,), 1e-3), torch.full((between,), 0.03), torch.full((far,), 0.9)])


@pytest.mark.parametrize(
    ("gammas", "split"),
    [
        pytest.param(heaps(50, 0, 50), True, id="two heaps and nothing between them"),
        pytest.param(heaps(48, 2, 50), True, id="a few between them"),
        pytest.param(heaps(40, 20, 40), False, id="a fifth on the way"),
        pytest.param(heaps(0, 0, 100), False, id="nothing near zero"),
        pytest.param(heaps(100, 0, 0), False, id="nothing left"),
        pytest.param(torch.cat([torch.zeros(50), torch.linspace(0.01, 1, 50)]), False, id="an even heap from zero on"),
        pytest.param(
            torch.cat([torch.zeros(500), -torch.linspace(0.001, 1, 500).log() / 3]), False, id="an exponential one"
        ),
        pytest.param(torch.cat([torch.zeros(50), torch.full((50,), 0.05)]), False, id="the rest is on its way too"),
    ],
)
def test_when_a_histogram_is_split(gammas: torch.Tensor, split: bool) -> None:
    assert is_split(gammas) is split
