"""Sparsity on the batch-norm gammas: network slimming (Liu et al. 2017, arXiv 1708.06519).

Which gammas are penalised follows from the channel flow: exactly those whose channels can be removed.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

NEAR_ZERO = 0.01  # |gamma| below which a channel counts as silent


def decayed(sr: float, epoch: int, epochs: int) -> float:
    """The rate at an epoch counted from 0: it falls linearly from sr to a tenth of it over the run."""
    return sr * (1 - 0.9 * epoch / epochs)


def add_subgradient(gammas: Iterable[nn.Parameter], rate: float) -> None:
    """Add rate * sign(gamma), the subgradient of the L1 penalty, to the gradients.

    Call once an optimizer step, after unscaling and clipping.
    """
    for gamma in gammas:
        if gamma.grad is not None:
            gamma.grad.add_(gamma.detach().sign(), alpha=rate)


@torch.no_grad()
def soft_threshold(gammas: Iterable[nn.Parameter], rate: float, lr: float) -> None:
    """Shrink |gamma| by rate * lr, to exactly 0 where it is smaller: the proximal step of the L1 penalty.

    Call after the optimizer's step and before the EMA's update. Source: Parikh and Boyd, Proximal Algorithms (2014).
    """
    for gamma in gammas:
        gamma.copy_(gamma.sign() * (gamma.abs() - rate * lr).clamp_min(0))


@torch.no_grad()
def near_zero_share(gammas: Iterable[nn.Parameter], below: float = NEAR_ZERO) -> float:
    """The share of gammas with |gamma| < below, 0..1."""
    values = torch.cat([gamma.detach().abs().flatten() for gamma in gammas])
    return float((values < below).float().mean())
