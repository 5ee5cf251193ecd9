"""Follows channels through a layer norm over the channels of each pixel: ConvNeXt's, which puts them last for it.

What its views and paddings do is known of the module as a whole. It is told by its `full_width`: it counts channels
that are gone as zeros, without which what stays would change (docs/adr/0049).
"""

from __future__ import annotations

from torch import nn
from torch.fx import Node

from compress.channels.layers import Layer
from compress.channels.trace import Trace


def is_normalising(trace: Trace, node: Node) -> bool:
    """Whether the node is part of such a layer norm."""
    module = trace.module(node)
    return isinstance(module, nn.LayerNorm) and hasattr(module, "full_width")


def normalised(trace: Trace, node: Node) -> bool:
    """Whether the node is part of a layer norm that is understood; what leaves it has its ids then.

    Inside there are none: channels are on the last axis.
    """
    if not is_normalising(trace, node):
        return False
    name, source = trace.module_path(node), trace.source(node)
    if source is not None:
        known = trace.layer_norms.setdefault(name, Layer(name, source, source))
        trace.channels.unite(known.inputs, source)
    elif name in trace.layer_norms and not any(is_normalising(trace, user) for user in node.users):
        trace.ids[node] = trace.layer_norms[name].outputs
    return name in trace.layer_norms
