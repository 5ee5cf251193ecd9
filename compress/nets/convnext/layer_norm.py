"""Layer norm over the channels of an image, as ConvNeXt has it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

EPSILON = 1e-6
"""Of the variance; Liu et al. 2022, arXiv 2201.03545."""


class LayerNorm2d(nn.LayerNorm):
    """Normalises the channels of each pixel of float [B, C, H, W], then scales and shifts them.

    Channels that were pruned count as zeros in mean and variance, so that those which stay are what they were
    (docs/adr/0049). The channels are last where they are normalised: ATC makes one operator of that form of its ONNX.

    Attributes:
        full_width: how many channels there were before pruning; that of the architecture.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPSILON)
        self.full_width = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 2, 3, 1)
        width = self.weight.numel()
        if width == self.full_width:
            x = F.layer_norm(x, (width,), self.weight, self.bias, self.eps)
        else:
            x, weight, bias = (F.pad(v, (0, self.full_width - width), value=0.0) for v in (x, self.weight, self.bias))
            x = F.layer_norm(x, (self.full_width,), weight, bias, self.eps)[..., :width]
        return x.permute(0, 3, 1, 2)
