"""Running batch-norm statistics of several momenta, followed while a model is trained (see batch_norm.py)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from compress.train import loop

MOMENTA = (0.03, 0.1)
Statistics = list[tuple[torch.Tensor, torch.Tensor]]


class Watched(loop.ModelEMA):
    """The EMA, and running statistics of the trained model for each momentum."""

    latest: Watched

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        Watched.latest = self
        self.norms = norms_of(model)
        self.running: dict[float, Statistics] = {momentum: _copied(self.norms) for momentum in MOMENTA}
        for norm in self.norms:
            norm.momentum = 1.0  # what it holds after a batch is that batch's
        model.register_forward_hook(self._follow)

    @torch.no_grad()
    def _follow(self, model: nn.Module, *_: Any) -> None:
        if not model.training:
            return
        for momentum, statistics in self.running.items():
            for (mean, variance), (new_mean, new_variance) in zip(statistics, _copied(self.norms), strict=True):
                mean.lerp_(new_mean, momentum)
                variance.lerp_(new_variance, momentum)


def norms_of(model: nn.Module) -> list[Any]:
    """The batch norms of a model, in its order."""
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def _copied(norms: list[Any]) -> Statistics:
    return [(norm.running_mean.clone(), norm.running_var.clone()) for norm in norms]
