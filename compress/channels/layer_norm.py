"""Follows channels through a layer norm over the channels of each pixel, which takes them on the last axis.

A layer norm weighs every channel against all others of its pixel: what stays is normalised among itself once channels
are removed. Its module must be able to do that at full width too, by its attribute `over` (docs/adr/0049).
"""

from __future__ import annotations

from torch.fx import Node

from compress.channels.layers import Layer
from compress.channels.trace import Trace, operator, shape_of

_TO_LAST, _FROM_LAST = [0, 2, 3, 1], [0, 3, 1, 2]


def normalised(trace: Trace, node: Node) -> bool:
    """Whether the node brings channels to the last axis, normalises them there, or brings them back."""
    kind, source = operator(node), node.args[0] if node.args else None
    if not isinstance(source, Node):
        return False
    if kind == "permute" and source in trace.ids and list(node.args[1]) == _TO_LAST:  # type: ignore[arg-type]
        trace.last[node] = trace.ids[source]
    elif source not in trace.last:
        return False
    elif kind == "permute" and list(node.args[1]) == _FROM_LAST:  # type: ignore[arg-type]
        trace.ids[node] = trace.last[source]
    elif kind == "layer_norm" and _over_channels(trace, node, source):
        trace.last[node] = trace.last[source]
    else:
        return False
    return True


def is_normalised(node: Node) -> bool:
    """Whether the node brings channels to the last axis for layer norms alone."""
    return operator(node) == "permute" and all(operator(user) == "layer_norm" for user in node.users)


def _over_channels(trace: Trace, node: Node, source: Node) -> bool:
    """Whether a layer norm with weight and bias is over the last axis alone; it is noted as a layer then."""
    weight = trace.vector(node.args[2]) if len(node.args) > 3 else ""
    name = weight.removesuffix(".weight")
    ids = trace.last[source]
    shape: object = node.args[1]
    if not weight or trace.vector(node.args[3]) != f"{name}.bias" or shape != [shape_of(source)[-1]]:
        return False
    if not hasattr(trace.module(node), "over"):
        return False
    known = trace.layer_norms.setdefault(name, Layer(name, ids, ids))
    trace.channels.unite(known.inputs, ids)
    return True
