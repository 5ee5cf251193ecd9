"""Follows channels through ultralytics' attention, by heads: what its views, permutations and products do is known.

Attention (in C2PSA, PSA, C3k2) and area attention (in A2C2f) make queries, keys and values of one convolution, `qkv`,
head after head, and keep the heads' widths as numbers that follow the pruned layers. So a class is one channel of every
head. A query's channel goes with the key's that it is multiplied with. Values are as wide as the input of plain
attention, which takes the width from there; in area attention all three are equally wide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import nn
from torch.fx import Node
from ultralytics.nn.modules.block import AAttn, Attention

from compress.channels.trace import Trace, shape_of


@dataclass(frozen=True)
class Heads:
    """The channels of one attention: `values` int64 [heads * width], head after head, on maps of `size` (h, w)."""

    values: np.ndarray
    size: tuple[int, ...]


def followed(trace: Trace, node: Node) -> bool:
    """Whether the node is part of an attention that is understood; what leaves it has its ids then.

    Inside there are none: the node's tensor has no channel axis, or is scores of places against places.
    """
    module, path = trace.module(node), trace.module_path(node)
    if not isinstance(module, (Attention, AAttn)):
        return False
    source = trace.source(node)
    if path not in trace.heads:
        heads = _heads(trace, node, module, path) if source is not None else None
        if heads is None:
            return False
        trace.heads[path] = heads
    elif source is not None:
        return False
    heads, shape = trace.heads[path], shape_of(node)
    if len(shape) == 4 and shape[1] == len(heads.values) and shape[2:] == heads.size:
        trace.ids[node] = heads.values
    return True


def _heads(trace: Trace, node: Node, module: Attention | AAttn, path: str) -> Heads | None:
    """Pair the channels of queries, keys, values and input, as the module needs them; None where it is not as known."""
    source, layer = trace.source(node), trace.convolutions.get(f"{path}.qkv.conv")
    count = module.num_heads
    value = module.head_dim
    key = value if isinstance(module, AAttn) else module.key_dim
    if source is None or layer is None or not np.array_equal(layer.outputs, source):
        return None
    if len(source) != count * (2 * key + value):
        return None
    rows = source.reshape(count, -1)
    queries, keys, values = rows[:, :key], rows[:, key : 2 * key], rows[:, 2 * key :]
    trace.channels.unite(queries.reshape(-1), keys.reshape(-1))
    if isinstance(module, AAttn):
        trace.equal_parts.append([*queries, *keys, *values])
    else:
        if len(layer.inputs) != values.size:
            return None
        trace.equal_parts.append([*queries, *keys])
        trace.equal_parts.append([*values, *np.split(layer.inputs, count)])
    trace.linked.add(layer.name)
    argument = node.args[0]
    assert isinstance(argument, Node)
    return Heads(values.reshape(-1), shape_of(argument)[2:])


def area_attentions(model: nn.Module) -> Iterator[tuple[str, AAttn]]:
    """Area attentions by name. They scale by the width of a head, plain attention by a number that is kept."""
    return ((name, module) for name, module in model.named_modules() if isinstance(module, AAttn))
