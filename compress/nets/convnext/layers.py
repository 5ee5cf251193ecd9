"""The layers of ConvNeXt that a YAML of YOLOv5 can name: stem, blocks and downsampling.

Source: Liu et al. 2022, A ConvNet for the 2020s (arXiv 2201.03545). The names of layers and of their tensors are those
of YOLOv5-Light, so that its YAML files are read. Pointwise layers are 1x1 convolutions where others have linear ones:
the same numbers in the layout of the chip.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from compress.nets.convnext.gelu import GELU
from compress.nets.convnext.layer_norm import LayerNorm2d

_EXPANSION = 4
_DEVIATION = 0.02  # of fresh weights


class ConvNeXtStem(nn.Module):
    """A convolution without overlap, and a layer norm: [B, c1, H, W] to [B, c2, H / s, W / s]."""

    def __init__(self, c1: int, c2: int, k: int = 4, s: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s)
        self.ln = LayerNorm2d(c2)
        _start(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.ln(self.conv(x))


class ConvNeXtDownsample(nn.Module):
    """A layer norm, and a convolution without overlap: [B, c1, H, W] to [B, c2, H / s, W / s]."""

    def __init__(self, c1: int, c2: int, k: int = 2, s: int = 2) -> None:
        super().__init__()
        self.ln = LayerNorm2d(c1)
        self.conv = nn.Conv2d(c1, c2, k, s)
        _start(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.ln(x))


class ConvNeXtUnit(nn.Module):
    """A depthwise 7x7 convolution, a layer norm and two pointwise ones, scaled and added to what came in.

    Attributes:
        gamma: the layer scale, a factor a channel, float [channels].
    """

    def __init__(self, channels: int, layer_scale: float) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = LayerNorm2d(channels)
        self.pwconv1 = nn.Conv2d(channels, _EXPANSION * channels, 1)
        self.act = GELU()
        self.pwconv2 = nn.Conv2d(_EXPANSION * channels, channels, 1)
        self.gamma = nn.Parameter(torch.full((channels,), float(layer_scale)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.pwconv2(self.act(self.pwconv1(self.norm(self.dwconv(x))))) * self.gamma.view(1, -1, 1, 1)


class ConvNeXtBlock(nn.Module):
    """`n` units one after another, all as wide as what they take: c1 and c2 are equal. Raises ValueError otherwise."""

    def __init__(self, c1: int, c2: int, n: int = 1, layer_scale: float = 1e-6) -> None:
        super().__init__()
        if c1 != c2:
            raise ValueError(f"a ConvNeXt_Block of {c2} channels takes as many, and not {c1}")
        self.m = nn.Sequential(*(ConvNeXtUnit(c2, layer_scale) for _ in range(n)))
        _start(self)

    @property
    def units(self) -> list[ConvNeXtUnit]:
        """Its units in their order."""
        return cast(list[ConvNeXtUnit], list(self.m))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.m(x)


def _start(layer: nn.Module) -> None:
    """Fresh weights as the paper has them: a truncated normal distribution, and biases of 0."""
    for module in layer.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=_DEVIATION)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
