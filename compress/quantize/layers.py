"""Which convolutions are quantised, and why the others are not.

ATC puts a convolution back into half precision where the quantised input has 16 channels or fewer, so that it would
keep the error of its int8 weights and gain nothing: such a one stays float in the file. So do those that make the raw
heads, a DFL's among them: boxes and scores would share one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod

import numpy as np
from onnx import NodeProto

from compress.graph.graph_facts import GraphFacts, attributes
from deploy.errors import ModelError, UsageError
from deploy.host.model.ascend_int8 import ROLLBACK
from deploy.wording import nearest, shortened


@dataclass(frozen=True)
class Layer:
    """A convolution. `macs` are multiply-adds an image; `kept` says why it stays float, "" where it is quantised."""

    name: str
    source: str
    weight: str
    bias: str
    result: str
    group: int
    channels: int
    macs: int
    kept: str = ""


def choose_layers(facts: GraphFacts, keep: Sequence[str] = (), name: str = "the model") -> list[Layer]:
    """All convolutions of the graph, in its order.

    Raises UsageError for a pattern of `keep` that matches no convolution, ModelError where none can be quantised.
    """
    nodes = [node for node in facts.graph.node if node.op_type == "Conv"]
    names = [_name(node) for node in nodes]
    for pattern in keep:
        if not any(fnmatchcase(entry, pattern) for entry in names):
            raise UsageError(
                f"--keep '{pattern}' matches no convolution{nearest(pattern, names)}; there are {shortened(names)}"
            )
    heads = _heads(facts)
    layers = [_layer(facts, node, keep, heads) for node in nodes]
    if all(layer.kept for layer in layers):
        reasons = shortened(list(dict.fromkeys(layer.kept for layer in layers)))
        raise ModelError(f"{name}: none of its {len(layers)} convolutions can be quantised ({reasons})")
    return layers


def _layer(facts: GraphFacts, node: NodeProto, keep: Sequence[str], heads: set[str]) -> Layer:
    weight = facts.constant(node, 1)
    group = int(attributes(node).get("group", 1))
    result = facts.shapes.get(node.output[0])
    biased = len(node.input) > 2 and bool(node.input[2])
    kept, channels, macs = "", 0, 0
    if weight is None or weight.dtype != np.float32 or weight.ndim != 4 or (biased and facts.constant(node, 2) is None):
        kept = "its weights are no constants of float32 [out, in, h, w]"
    else:
        channels = weight.shape[1] * group
        macs = int(weight.size * prod(side or 1 for side in (result or [])[2:]))
        if _name(node) in heads:
            kept = "it makes a raw head"
        elif next((p for p in keep if fnmatchcase(_name(node), p)), None):
            kept = "--keep names it"
        elif channels <= ROLLBACK:
            kept = f"its input has {channels} channels, and ATC computes up to {ROLLBACK} in half precision"
        elif result is None or None in result:
            kept = "its shape is not fixed, and ATC needs it to prepare int8"
    bias = node.input[2] if biased else ""
    return Layer(_name(node), node.input[0], node.input[1], bias, node.output[0], group, channels, macs, kept)


def _name(node: NodeProto) -> str:
    return node.name or node.output[0]


def _heads(facts: GraphFacts) -> set[str]:
    """The convolutions from which a way leads to an output without another convolution, and a DFL's."""
    found: set[str] = set()
    waiting, seen = list(facts.outputs), set()
    while waiting:
        tensor = waiting.pop()
        if tensor in seen or tensor not in facts.makers:
            continue
        seen.add(tensor)
        node = facts.makers[tensor]
        if node.op_type == "Conv":
            found.add(_name(node))
        else:
            waiting += node.input
    for node in facts.graph.node:
        if node.op_type == "Conv" and _behind_softmax(facts, node.input[0]):
            found.add(_name(node))
    return found


def _behind_softmax(facts: GraphFacts, tensor: str) -> bool:
    """Whether a tensor is a softmax's, moved about at most."""
    while (node := facts.makers.get(tensor)) is not None and node.op_type in ("Transpose", "Reshape", "Identity"):
        tensor = node.input[0]
    return node is not None and node.op_type == "Softmax"
