"""The numbers that ultralytics' blocks keep beside their layers, brought in line with the layers' tensors."""

from __future__ import annotations

from torch import nn
from ultralytics.nn.modules.block import C2PSA, PSA, AAttn, Attention, C2f, RepNCSPELAN4
from ultralytics.nn.modules.conv import Conv

_HALVED = (C2f, C2PSA, PSA, RepNCSPELAN4)
"""Blocks whose `c` is the width of one half of their first convolution's output."""


def update_widths(module: nn.Module) -> None:
    """Correct what `module` itself keeps; what is inside it is not looked at."""
    if isinstance(module, Attention):  # its scale stays what it was
        module.head_dim = module.proj.conv.in_channels // module.num_heads
        module.key_dim = (module.qkv.conv.out_channels // module.num_heads - module.head_dim) // 2
    elif isinstance(module, AAttn):
        module.all_head_dim = module.proj.conv.in_channels
        module.head_dim = module.all_head_dim // module.num_heads
    first = getattr(module, "cv1", None)
    if isinstance(first, Conv) and isinstance(getattr(module, "c", None), int):
        width = first.conv.out_channels
        module.c = width // 2 if isinstance(module, _HALVED) else width  # type: ignore[assignment]
