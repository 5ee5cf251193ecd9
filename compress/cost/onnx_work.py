"""The work of an ONNX model of fixed shapes, as ATC would see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, NodeProto

from compress.cost.fused import fused
from compress.cost.work import Work, convolution, movement, product, transposed
from compress.graph.folded import folded
from compress.graph.graph_facts import GraphFacts, place
from compress.graph.shapes import shown
from deploy.errors import ModelError
from deploy.host.model.ascend_int8 import ROLLBACK

_MOVES = {
    "Add", "Sub", "Mul", "Div", "Concat", "MaxPool", "AveragePool", "Resize", "Softmax", "Transpose", "Slice", "Split",
    "Pad", "TopK", "Gather", "GatherElements", "ReduceMax", "Sum",
}  # fmt: skip
_COUNTED = {"Conv", "ConvTranspose", "MatMul", *_MOVES}


def work_of(model: ModelProto, name: str) -> list[Work]:
    """The operators of the graph, in its order; activations count as part of what they follow.

    What does not depend on the image is computed beforehand, shapes among it. `name` begins the sentence of an error.
    Raises ModelError where a shape is not fixed or cannot be inferred, and for a graph without an operator that costs.
    """
    try:
        facts = GraphFacts(folded(model)[0])
    except ModelError as fault:
        raise ModelError(f"{name}: {fault}") from None
    nodes = facts.graph.node
    together = fused(facts)
    inside = _gates(nodes) | together.inside
    works = []
    for node in nodes:
        taken = together.layer_norms.get(node.output[0]) if node.output else None
        if taken:
            shapes = [_fixed(facts, tensor, name) for tensor in (taken, node.output[0])]
            works.append(movement(node.name or node.output[0], "layer_norm", shapes[:1], shapes[1]))
            continue
        if node.op_type not in _COUNTED or node.output[0] in inside or node.output[0] in facts.constants:
            continue
        sources = [_fixed(facts, tensor, name) for tensor in node.input if tensor and tensor not in facts.constants]
        result = _fixed(facts, node.output[0], name)
        title = node.name or node.output[0]
        if node.op_type in ("Conv", "ConvTranspose"):
            weight = _fixed(facts, node.input[1], name)
            if min(len(weight), len(sources[0]), len(result)) < 4:
                raise ModelError(f"{name}: {place(node)} is not one over images: its weights are {shown(weight)}")
            if node.op_type == "Conv":
                works.append(convolution(title, weight, _group(node), sources[0], result, _is_int8(node, facts)))
            else:
                works.append(transposed(title, weight, _group(node), sources[0], result))
        elif node.op_type == "MatMul" and len(sources) == 2 and min(map(len, sources)) > 1:
            works.append(product(title, *sources))
        elif sources:
            works.append(movement(title, node.op_type.lower(), sources, result))
    if not works:
        raise ModelError(f"{name}: none of its {len(nodes)} nodes is an operator that costs time, such as Conv")
    return works


def _is_int8(node: NodeProto, facts: GraphFacts) -> bool:
    """Whether the chip computes a convolution on int8: its weights are, as Ascend's operators or as QDQ write them, and
    its input has more channels than ATC puts back into half precision."""
    back = facts.makers.get(node.input[1])
    weight = facts.constant(back, 0) if back is not None and back.op_type == "DequantizeLinear" else None
    weight = facts.constant(node, 1) if weight is None else weight
    return weight is not None and weight.dtype == np.int8 and weight.shape[1] * _group(node) > ROLLBACK


def _gates(nodes: Sequence[NodeProto]) -> set[str]:
    """Outputs of multiplications x * sigmoid(x): the second half of a SiLU."""
    inputs = {node.output[0]: node.input[0] for node in nodes if node.op_type == "Sigmoid"}
    found = set()
    for node in nodes:
        if node.op_type == "Mul":
            a, b = node.input
            if inputs.get(a) == b or inputs.get(b) == a:
                found.add(node.output[0])
    return found


def _fixed(facts: GraphFacts, tensor: str, name: str) -> list[int]:
    value = facts.constants.get(tensor)
    shape = list(value.shape) if value is not None else facts.shapes.get(tensor)
    if shape is None or not all(shape):
        raise ModelError(f"{name}: the shape of '{tensor}' is {shown(shape)}; expected fixed sizes")
    return [side for side in shape if side]


def _group(node: NodeProto) -> int:
    group = next((int(entry.i) for entry in node.attribute if entry.name == "group"), 1)
    return max(group, 1)
