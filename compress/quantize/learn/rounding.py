"""Weights that learn how they are rounded: AdaRound (Nagel et al. 2020) and LSQ (Esser et al. 2020)."""

from __future__ import annotations

import torch
from torch import nn

from compress.quantize.learn.blocks import rounded

_ZETA, _GAMMA = 1.1, -0.1
_LAMBDA = 0.01
_BETA_START, _BETA_END, _WARM = 20.0, 2.0, 0.2
FASTER = 1000.0
"""How much faster than scales the choice between two whole numbers learns."""
_STRETCH = 30.0


class AdaRoundWeight(nn.Module):
    """Each weight goes up or down to a whole number; which of the two is learnt. Scales stay."""

    def __init__(self, weight: torch.Tensor, scale: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("low", torch.floor(weight / scale))
        rest = (weight / scale - torch.floor(weight / scale)).clamp(1e-4, 1 - 1e-4)
        start = (rest - _GAMMA) / (_ZETA - _GAMMA)
        self.choice = nn.Parameter(torch.log(start / (1 - start)))

    @property
    def up(self) -> torch.Tensor:
        """0..1: how far each weight goes up."""
        return torch.clamp(torch.sigmoid(self.choice) * (_ZETA - _GAMMA) + _GAMMA, 0, 1)

    def forward(self) -> torch.Tensor:
        found: torch.Tensor = torch.clamp(self.low + self.up, -127, 127) * self.scale  # type: ignore[operator]
        return found

    def whole(self) -> torch.Tensor:
        """The whole numbers that were learnt."""
        found: torch.Tensor = torch.clamp(self.low + (self.up >= 0.5), -127, 127)  # type: ignore[operator]
        return found

    def groups(self, lr: float) -> list[dict[str, object]]:
        return [{"params": [self.choice], "lr": lr * FASTER}]

    def penalty(self, progress: float) -> torch.Tensor:
        """What drives choices to 0 or 1, from a fifth of the way (0..1) on."""
        if progress < _WARM:
            return self.choice.new_zeros(())
        share = (progress - _WARM) / (1 - _WARM)
        cosine = 0.5 * (1 + torch.cos(torch.tensor(share * torch.pi)))
        beta = float(_BETA_END + (_BETA_START - _BETA_END) * cosine)
        return _LAMBDA * (1 - (2 * self.up - 1).abs().pow(beta)).sum()


class LsqWeight(nn.Module):
    """Weights and their scales learn together; rounding lets gradients through."""

    def __init__(self, weight: torch.Tensor, scale: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("first", scale)
        self.weight = nn.Parameter(weight.clone())
        self.stretch = nn.Parameter(torch.zeros_like(scale))

    @property
    def scale(self) -> torch.Tensor:
        found: torch.Tensor = self.first * torch.exp(self.stretch)  # type: ignore[operator]
        return found

    def forward(self) -> torch.Tensor:
        scale = self.scale
        return torch.clamp(rounded(self.weight / scale), -127, 127) * scale

    def whole(self) -> torch.Tensor:
        return torch.clamp(torch.round(self.weight / self.scale), -127, 127)

    def groups(self, lr: float) -> list[dict[str, object]]:
        return [{"params": [self.weight], "lr": lr}, {"params": [self.stretch], "lr": lr * _STRETCH}]

    def penalty(self, progress: float) -> torch.Tensor:
        return self.stretch.new_zeros(())


STRETCH_LR = _STRETCH
