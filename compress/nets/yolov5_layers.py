"""The layers that YOLOv5's YAML files name: ultralytics' blocks, with the arguments and defaults of YOLOv5, and those
of ConvNeXt.

A row of a YAML is [from, repeats, module, args]. Blocks of a width take the channels of what they are given, the width
and the rest of `args`; those that repeat inside take the repeats third, and others are repeated as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn
from ultralytics.nn.modules import (
    C3,
    C3TR,
    SPP,
    SPPF,
    Bottleneck,
    BottleneckCSP,
    C3Ghost,
    C3x,
    Concat,
    Conv,
    DWConv,
    DWConvTranspose2d,
    GhostBottleneck,
    GhostConv,
)
from ultralytics.utils.ops import make_divisible

from compress.nets.convnext.layers import ConvNeXtBlock, ConvNeXtDownsample, ConvNeXtStem

_ONE_BY_ONE = ((1, 1), (3, 3))
"""YOLOv5's bottlenecks begin with a 1x1 convolution, ultralytics' with a 3x3 one."""


def _bottleneck(c1: int, c2: int, shortcut: bool = True, g: int = 1, e: float = 0.5) -> Bottleneck:
    return Bottleneck(c1, c2, shortcut, g, _ONE_BY_ONE, e)


def _bottleneck_csp(c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5) -> BottleneckCSP:
    block = BottleneckCSP(c1, c2, 0, shortcut, g, e)
    width = block.cv1.conv.out_channels
    block.m = nn.Sequential(*(_bottleneck(width, width, shortcut, g, 1.0) for _ in range(n)))
    return block


def _sppf(c1: int, c2: int, k: int = 5) -> SPPF:
    block = SPPF(c1, c2, k)
    block.cv1.act = Conv.default_act  # ultralytics' later SPPF leaves it out
    return block


_REPEAT_INSIDE: dict[str, Callable[..., nn.Module]] = {
    "C3": C3,
    "C3TR": C3TR,
    "C3Ghost": C3Ghost,
    "C3x": C3x,
    "BottleneckCSP": _bottleneck_csp,
    "ConvNeXt_Block": ConvNeXtBlock,
}
_OF_A_WIDTH: dict[str, Callable[..., nn.Module]] = {
    **_REPEAT_INSIDE,
    "Conv": Conv,
    "DWConv": DWConv,
    "GhostConv": GhostConv,
    "Bottleneck": _bottleneck,
    "GhostBottleneck": GhostBottleneck,
    "SPP": SPP,
    "SPPF": _sppf,
    "ConvNeXt_Stem": ConvNeXtStem,
    "ConvNeXt_Downsample": ConvNeXtDownsample,
    "nn.ConvTranspose2d": nn.ConvTranspose2d,
    "DWConvTranspose2d": DWConvTranspose2d,
}
_AS_WIDE: dict[str, Callable[..., nn.Module]] = {
    "nn.Upsample": nn.Upsample,
    "nn.MaxPool2d": nn.MaxPool2d,
    "nn.AvgPool2d": nn.AvgPool2d,
    "nn.ZeroPad2d": nn.ZeroPad2d,
    "nn.Identity": nn.Identity,
}
_WORDS = {"None": None, "True": True, "False": False}
"""What YAML leaves as text and YOLOv5 evaluates as Python."""
LAYERS = (*_OF_A_WIDTH, "nn.BatchNorm2d", "Concat", *_AS_WIDE)
"""What a row may name, besides the head."""


def make_layer(
    kind: str, incoming: Sequence[int], repeats: int, args: Sequence[Any], width: float
) -> tuple[nn.Module, int]:
    """The layer of a row and the channels that it puts out.

    `incoming` are the channels of each source; `width` is the architecture's width_multiple, and `repeats` is scaled
    by its depth already. Raises what a block does for arguments that do not fit.
    """
    channels = incoming[0]
    values: list[Any] = [_WORDS.get(value, value) if isinstance(value, str) else value for value in args]
    if kind in _OF_A_WIDTH:
        make = _OF_A_WIDTH[kind]
        channels = make_divisible(args[0] * width, 8)
        values = [incoming[0], channels, *values[1:]]
        if kind in _REPEAT_INSIDE:
            values.insert(2, repeats)
            repeats = 1
    elif kind == "Concat":
        make, channels = Concat, sum(incoming)
    elif kind == "nn.BatchNorm2d":
        make, values = nn.BatchNorm2d, [channels]
    else:
        make = _AS_WIDE[kind]
    if repeats == 1:
        return make(*values), channels
    return nn.Sequential(*(make(*values) for _ in range(repeats))), channels
