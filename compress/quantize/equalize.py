"""Cross-layer equalisation (Nagel et al. 2019): a channel's weights go up in one convolution and down in the next, so
that all channels of both fill their ranges alike and the network computes the same.

It is exact where only what keeps factors lies between the two: nothing, ReLU or LeakyReLU. SiLU does not, so a YOLO
with SiLU has hardly a pair.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from compress.graph.graph_facts import GraphFacts, attributes
from compress.graph.onnx_proof import prove_equal

_KEEP_FACTORS = ("Relu", "LeakyRelu", "Identity")
_ROUNDS = 4


def equalize(model: onnx.ModelProto, name: str) -> tuple[onnx.ModelProto, int]:
    """A copy with pairs of convolutions equalised, proved equal, and how many there are; the model itself for none."""
    equal = onnx.ModelProto()
    equal.CopyFrom(model)
    facts = GraphFacts(equal)
    pairs = _pairs(facts)
    if not pairs:
        return model, 0
    weights = {entry.name: numpy_helper.to_array(entry).copy() for entry in equal.graph.initializer}
    for _ in range(_ROUNDS):
        for first, second in pairs:
            _level(weights, first, second)
    for entry in equal.graph.initializer:
        if entry.name in weights and weights[entry.name].dtype == np.float32:
            entry.CopyFrom(numpy_helper.from_array(weights[entry.name], entry.name))
    prove_equal(model, equal, name)
    return equal, len(pairs)


def _level(weights: dict[str, np.ndarray], first: onnx.NodeProto, second: onnx.NodeProto) -> None:
    one, two = weights[first.input[1]], weights[second.input[1]]
    out = np.abs(one).reshape(len(one), -1).max(axis=1)
    into = np.abs(two).max(axis=(0, 2, 3))
    factor = np.where((out > 0) & (into > 0), np.sqrt(out * into) / np.maximum(out, 1e-12), 1.0).astype(np.float32)
    weights[first.input[1]] = one * factor.reshape(-1, 1, 1, 1)
    weights[second.input[1]] = two / factor.reshape(1, -1, 1, 1)
    if len(first.input) > 2:
        weights[first.input[2]] = weights[first.input[2]] * factor


def _pairs(facts: GraphFacts) -> list[tuple[onnx.NodeProto, onnx.NodeProto]]:
    uses: dict[str, int] = {}
    for node in facts.graph.node:
        for name in node.input:
            uses[name] = uses.get(name, 0) + 1
    initial = {entry.name for entry in facts.graph.initializer}

    def is_plain(node: onnx.NodeProto) -> bool:
        own = [name for name in node.input[1:] if name]
        alone = all(name in initial and uses[name] == 1 for name in own)
        return node.op_type == "Conv" and int(attributes(node).get("group", 1)) == 1 and alone

    found = []
    for node in facts.graph.node:
        if not is_plain(node):
            continue
        tensor, taker = node.output[0], None
        while len(facts.takers[tensor]) == 1 and tensor not in facts.outputs:
            taker = facts.takers[tensor][0]
            if taker.op_type not in _KEEP_FACTORS:
                break
            tensor, taker = taker.output[0], None
        if taker is not None and is_plain(taker) and taker.input[0] == tensor:
            found.append((node, taker))
    return found
