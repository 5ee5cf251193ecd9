"""Area attention scales its queries by the width of a head, so a narrower head would scale them otherwise: what it was
goes into the batch norm that makes them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from ultralytics.nn.modules.block import AAttn

from compress.channels.attention import area_attentions
from compress.channels.flow import ChannelFlow


def keep_scale(dense: nn.Module, slim: nn.Module) -> None:
    """Give the queries of `slim` the scale that they have in `dense`, of which it was cut; in place."""
    for name, before in area_attentions(dense):
        after = slim.get_submodule(name)
        assert isinstance(after, AAttn)
        if after.head_dim != before.head_dim:
            _scale(after, (after.head_dim / before.head_dim) ** 0.5)


def as_scaled(masked: nn.Module, flow: ChannelFlow, gone: np.ndarray) -> None:
    """Give the queries of the float64 model the rounding that `keep_scale` causes once `gone` is cut; in place."""
    for name, module in area_attentions(masked):
        layer = flow.convolutions[f"{name}.qkv.conv"]
        width = int(np.count_nonzero(~np.isin(layer.outputs, gone))) // (3 * module.num_heads)
        if width != module.head_dim:
            factor = (width / module.head_dim) ** 0.5
            rows = _queries(module)
            for values in (module.qkv.bn.weight.data, module.qkv.bn.bias.data):
                values[rows] = (values[rows].float() * factor).double() / factor


def _scale(module: AAttn, factor: float) -> None:
    rows = _queries(module)
    for values in (module.qkv.bn.weight.data, module.qkv.bn.bias.data):
        values[rows] *= factor


def _queries(module: AAttn) -> torch.Tensor:
    """Which channels of `qkv` are queries, bool [heads * 3 * width]: the first third of every head's."""
    return (torch.arange(module.head_dim * 3) < module.head_dim).repeat(module.num_heads)
