"""How channels pass each operator: a function and an entry of `OPERATORS` for every operator that is understood.

A function gets the trace and the node, notes what the operator does to layers and classes, and returns the ids of the
node's channels. None says that it does not understand this use of the operator: what reaches it is then pinned.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch.fx import Node

from compress.channels.layer_norm import is_normalising
from compress.channels.layers import Layer
from compress.channels.trace import Trace, operator, shape_of

Operator = Callable[[Trace, Node], "np.ndarray | None"]


def _same_channels(trace: Trace, node: Node) -> np.ndarray | None:
    """Treats each channel alone and leaves a channel of zeros silent."""
    return trace.source(node)


def _convolution(trace: Trace, node: Node) -> np.ndarray | None:
    source, name = trace.source(node), trace.layer(node)
    if source is None or not name:
        return None
    if not _is_scaled(node):
        trace.bare.add(name)
    if all(is_normalising(trace, user) for user in node.users):
        trace.normalised.add(name)
    transposed = operator(node) == "conv_transpose2d"
    out, per_group = shape_of(node.args[1])[:2]  # type: ignore[arg-type]
    if transposed:
        groups = node.args[6] if len(node.args) > 6 else node.kwargs.get("groups", 1)
        if groups == 1:
            out, per_group = per_group, out
        elif not (groups == out == len(source) and per_group == 1):
            return None
    depthwise = per_group == 1 and out == len(source)
    grouped = per_group != len(source) and not depthwise
    if grouped:
        trace.channels.pin(source, f"feeds the grouped convolution {name}")
    if name in trace.convolutions:  # one layer used twice: both inputs must lose the same channels
        trace.channels.unite(trace.convolutions[name].inputs, source)
        return trace.convolutions[name].outputs
    outputs = source if depthwise else trace.channels.fresh(out, "leaves a grouped convolution" if grouped else "")
    trace.convolutions[name] = Layer(name, source, outputs, depthwise, transposed and not depthwise)
    return outputs


def _is_scaled(node: Node) -> bool:
    """Whether a batch norm takes all that comes out, alone or concatenated with other channels."""
    return all(
        OPERATORS.get(operator(user)) is _batch_norm
        or (OPERATORS.get(operator(user)) is _concatenation and user.args[1:] == (1,) and _is_scaled(user))
        for user in node.users
    )


def _batch_norm(trace: Trace, node: Node) -> np.ndarray | None:
    source, name = trace.source(node), trace.layer(node)
    if source is None or not name:
        return None
    known = trace.norms.setdefault(name, Layer(name, source, source))
    trace.channels.unite(known.inputs, source)
    before = node.args[0]
    assert isinstance(before, Node)
    convolution = trace.layer(before) if OPERATORS.get(operator(before)) is _convolution else ""
    if convolution:
        trace.norm_behind[convolution] = name if trace.norm_behind.get(convolution, name) == name else ""
    return source


def _addition(trace: Trace, node: Node) -> np.ndarray | None:
    """Of two tensors of one shape, or of a tensor and the number 0; one that broadcasts is not understood."""
    if len(node.args) == 2 and isinstance(node.args[1], (int, float)) and node.args[1] == 0:
        return trace.source(node)
    terms = [a for a in node.args if isinstance(a, Node) and a in trace.ids]
    if len(terms) != 2 or len(node.args) != 2 or shape_of(terms[0]) != shape_of(terms[1]):
        return None
    left, right = (trace.ids[term] for term in terms)
    trace.channels.unite(left, right)
    trace.added.update(left.tolist())
    return left


def _concatenation(trace: Trace, node: Node) -> np.ndarray | None:
    joined = [a for a in node.args[0] if isinstance(a, Node)]  # type: ignore[union-attr]
    if node.args[1:] != (1,) or not all(a in trace.ids for a in joined):
        return None
    return np.concatenate([trace.ids[a] for a in joined])


def _chunk(trace: Trace, node: Node) -> np.ndarray | None:
    """Asks for a number of parts."""
    return _split_in_parts(trace, node) if _equal_parts(trace, node) else None


def _split(trace: Trace, node: Node) -> np.ndarray | None:
    """Asks for widths: the module must keep them as its attribute `c`, which follows the pruned layers."""
    width = _equal_parts(trace, node)
    return _split_in_parts(trace, node) if width and getattr(trace.module(node), "c", None) == width else None


def _equal_parts(trace: Trace, node: Node) -> int:
    """The width of each part where a split parts the channels equally and would do so for fewer of them, else 0."""
    source = trace.source(node)
    if source is None or (node.args[2:] != (1,) and node.kwargs.get("dim") != 1):
        return 0
    widths = [part.shape[1] for part in node.meta["val"]]
    return widths[0] if len(set(widths)) == 1 and len(source) % len(widths) == 0 else 0


def _split_in_parts(trace: Trace, node: Node) -> np.ndarray | None:
    source = trace.source(node)
    assert source is not None
    trace.parts[node] = np.split(source, len(node.meta["val"]))
    trace.equal_parts.append(trace.parts[node])
    return source


def _part(trace: Trace, node: Node) -> np.ndarray | None:
    whole, index = node.args
    return trace.parts[whole][index] if whole in trace.parts else None  # type: ignore[index]


def _padding(trace: Trace, node: Node) -> np.ndarray | None:
    """At the sides of an image, with zeros or with what is there."""
    sides = node.args[1]
    mode, value = [*node.args[2:], *("constant", None)[len(node.args) - 2 :]] if len(node.args) < 5 else (None, None)
    if operator(node) == "constant_pad_nd":
        mode, value = "constant", node.args[2] if len(node.args) > 2 else 0
    if not isinstance(sides, (list, tuple)) or len(sides) > 4 or (mode == "constant" and value):
        return None
    return trace.source(node)


def _sigmoid(trace: Trace, node: Node) -> np.ndarray | None:
    """A silent channel comes out as 0.5: only a product with what is silent itself makes it silent again."""
    ids = trace.source(node)
    if ids is not None:
        trace.loud.add(node)
    return ids


def _view(trace: Trace, node: Node) -> np.ndarray | None:
    """Of a parameter with a value a channel, as [1, C, 1, 1]; others are not understood."""
    name, shape = trace.vector(node.args[0]), shape_of(node)
    if not name or len(shape) != 4 or shape[0] != 1 or shape[2:] != (1, 1):
        return None
    ids = trace.vectors.setdefault(name, trace.channels.fresh(shape[1]))
    trace.loud.add(node)
    return ids


def _product(trace: Trace, node: Node) -> np.ndarray | None:
    """Of two tensors with the same channels, one of which goes silent."""
    factors = [a for a in node.args if isinstance(a, Node) and a in trace.ids]
    if len(factors) != 2 or len(node.args) != 2 or all(factor in trace.loud for factor in factors):
        return None
    shapes = [shape_of(factor) for factor in factors]
    if any(len(shape) != 4 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        return None
    for factor, other in (factors, factors[::-1]):
        vector = trace.vector(factor.args[0]) if operator(factor) == "view" else ""
        if vector and OPERATORS.get(operator(other)) is _convolution and len(other.users) == 1:
            trace.scale_behind[trace.layer(other)] = vector
    left, right = (trace.ids[factor] for factor in factors)
    trace.channels.unite(left, right)
    return left


TAKES_LOUD = {"mul", "mul_"}
"""Operators that can make channels silent which are not."""

OPERATORS: dict[str, Operator] = {
    "conv2d": _convolution,
    "conv_transpose2d": _convolution,
    "batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "native_batch_norm": _batch_norm,
    "add": _addition,
    "add_": _addition,
    "cat": _concatenation,
    "mul": _product,
    "mul_": _product,
    "pad": _padding,
    "constant_pad_nd": _padding,
    "sigmoid": _sigmoid,
    "view": _view,
    "chunk": _chunk,
    "split": _split,
    "split_with_sizes": _split,
    "getitem": _part,
    "silu": _same_channels,
    "silu_": _same_channels,
    "relu": _same_channels,
    "relu_": _same_channels,
    "leaky_relu": _same_channels,
    "leaky_relu_": _same_channels,
    "relu6": _same_channels,
    "relu6_": _same_channels,
    "mish": _same_channels,
    "mish_": _same_channels,
    "elu": _same_channels,
    "elu_": _same_channels,
    "gelu": _same_channels,
    "hardswish": _same_channels,
    "hardswish_": _same_channels,
    "max_pool2d": _same_channels,
    "avg_pool2d": _same_channels,
    "adaptive_avg_pool2d": _same_channels,
    "upsample_nearest2d": _same_channels,
    "upsample_bilinear2d": _same_channels,
    "clone": _same_channels,
    "contiguous": _same_channels,
    "dropout": _same_channels,
    "to": _same_channels,
    "detach": _same_channels,
    "alias": _same_channels,
}
