"""Sparsity on the batch-norm gammas: network slimming (Liu et al. 2017, arXiv 1708.06519).

Which gammas are penalised follows from the channel flow: exactly those whose channels can be removed. A plan narrows
them down to the channels that it removes (compress/train/penalised.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

import torch
from torch import nn

NEAR_ZERO = 0.01  # |gamma| below which a channel counts as silent


def decayed(sr: float, epoch: int, epochs: int) -> float:
    """The rate at an epoch counted from 0: it falls linearly from sr to a tenth of it over the run."""
    return sr * (1 - 0.9 * epoch / epochs)


def add_subgradient(gammas: Iterable[nn.Parameter], rate: float, masks: Sequence[torch.Tensor] = ()) -> None:
    """Add rate * sign(gamma), the subgradient of the L1 penalty, to the gradients.

    `masks`, bool [n] for each gamma, say which channels it acts on; without them it acts on all. Call once an optimizer
    step, after unscaling and clipping.
    """
    for gamma, mask in zip_longest(gammas, masks):
        if gamma.grad is not None:
            sign = gamma.detach().sign()
            gamma.grad.add_(sign if mask is None else sign * mask, alpha=rate)


@torch.no_grad()
def soft_threshold(gammas: Iterable[nn.Parameter], rate: float, lr: float, masks: Sequence[torch.Tensor] = ()) -> None:
    """Shrink |gamma| by rate * lr, to exactly 0 where it is smaller: the proximal step of the L1 penalty.

    `masks` as above. Call after the optimizer's step and before the EMA's update. Source: Parikh and Boyd, Proximal
    Algorithms (2014).
    """
    for gamma, mask in zip_longest(gammas, masks):
        shrunk = gamma.sign() * (gamma.abs() - rate * lr).clamp_min(0)
        gamma.copy_(shrunk if mask is None else torch.where(mask, shrunk, gamma))


@torch.no_grad()
def near_zero_share(gammas: Iterable[nn.Parameter], below: float = NEAR_ZERO) -> float:
    """The share of gammas with |gamma| < below, 0..1."""
    values = torch.cat([gamma.detach().abs().flatten() for gamma in gammas])
    return float((values < below).float().mean())
