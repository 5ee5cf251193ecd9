"""The two sparsity rules on values worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from compress.train.sparsity import add_subgradient, decayed, near_zero_share, soft_threshold


def gammas(*values: list[float]) -> list[nn.Parameter]:
    return [nn.Parameter(torch.tensor(row)) for row in values]


@pytest.mark.parametrize(
    ("epoch", "epochs", "rate"),
    [
        pytest.param(0, 30, 0.01, id="the first epoch has the whole rate"),
        pytest.param(15, 30, 0.0055, id="half way"),
        pytest.param(29, 30, 0.0013, id="the last epoch: near a tenth"),
        pytest.param(0, 1, 0.01, id="a run of one epoch"),
    ],
)
def test_decay(epoch: int, epochs: int, rate: float) -> None:
    assert decayed(0.01, epoch, epochs) == pytest.approx(rate)


def test_no_rate_stays_none() -> None:
    assert decayed(0.0, 3, 10) == 0


def test_subgradient() -> None:
    """The gradient gains rate * sign(gamma); at 0 the subgradient taken is 0."""
    first, second = gammas([0.5, -0.5, 0.0], [2.0])
    first.grad, second.grad = torch.tensor([1.0, 1.0, 1.0]), torch.tensor([-0.25])
    add_subgradient([first, second], 0.25)
    assert first.grad.tolist() == [1.25, 0.75, 1.0]
    assert second.grad.tolist() == [0.0]
    assert first.tolist() == [0.5, -0.5, 0.0], "the weights themselves stay"


def test_subgradient_without_a_gradient() -> None:
    (gamma,) = gammas([1.0])
    add_subgradient([gamma], 0.1)
    assert gamma.grad is None


def test_soft_threshold() -> None:
    """|gamma| shrinks by rate * lr = 0.25 and stops at exactly 0."""
    first, second = gammas([1.0, -1.0, 0.25, -0.125, 0.0], [-0.5])
    soft_threshold([first, second], rate=0.5, lr=0.5)
    assert first.tolist() == [0.75, -0.75, 0.0, 0.0, 0.0]
    assert second.tolist() == [-0.25]
    assert first.requires_grad and first.grad_fn is None


def test_masks_narrow_both_rules_down() -> None:
    """Where a mask is False nothing happens, also where the layer beside it is all penalised."""
    masks = [torch.tensor([True, False, True]), torch.tensor([True])]
    first, second = gammas([0.5, -0.5, -0.5], [2.0])
    first.grad, second.grad = torch.zeros(3), torch.zeros(1)
    add_subgradient([first, second], 0.25, masks)
    assert first.grad.tolist() == [0.25, 0.0, -0.25] and second.grad.tolist() == [0.25]
    soft_threshold([first, second], 0.5, 0.5, masks)
    assert first.tolist() == [0.25, -0.5, -0.25] and second.tolist() == [1.75]


def test_both_rules_agree_away_from_zero() -> None:
    """One plain SGD step on rate * |gamma| is the soft threshold, as long as no sign changes."""
    stepped, shrunk = gammas([0.9, -0.7], [0.9, -0.7])
    stepped.grad = torch.zeros(2)
    add_subgradient([stepped], 0.2)
    torch.optim.SGD([stepped], lr=0.1).step()
    soft_threshold([shrunk], 0.2, 0.1)
    torch.testing.assert_close(stepped.detach(), shrunk.detach())


@pytest.mark.parametrize(
    ("values", "share"),
    [
        pytest.param(([0.0, 0.5], [1.0, -0.002]), 0.5, id="two of four, signs do not count"),
        pytest.param(([0.01, -0.01],), 0.0, id="the limit itself is not below it"),
        pytest.param(([0.0],), 1.0, id="all"),
    ],
)
def test_near_zero_share(values: tuple[list[float], ...], share: float) -> None:
    assert near_zero_share(gammas(*values)) == share


def test_near_zero_limit() -> None:
    assert near_zero_share(gammas([0.05, 0.2]), below=0.1) == 0.5
