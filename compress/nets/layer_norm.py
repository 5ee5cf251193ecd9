"""Layer norm over the channels of an image, as ConvNeXt has it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

EPSILON = 1e-6
"""Of the variance; Liu et al. 2022, arXiv 2201.03545."""


class LayerNorm2d(nn.LayerNorm):
    """Normalises the channels of each pixel of float [B, C, H, W], then scales and shifts them.

    The channels are last where they are normalised: ATC makes one operator of that form of its ONNX (docs/adr/0049).

    Attributes:
        over: numbers of the channels that mean and variance are taken over, int64 [n]; None for all. With it a
            model of full width computes what the one without the other channels does.
    """

    over: torch.Tensor | None

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPSILON)
        self.over = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 2, 3, 1)
        if self.over is None:
            x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        else:
            seen = x[..., self.over]
            variance, mean = torch.var_mean(seen, -1, correction=0, keepdim=True)
            x = (x - mean) / torch.sqrt(variance + self.eps) * self.weight + self.bias
        return x.permute(0, 3, 1, 2)
