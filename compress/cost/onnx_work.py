"""The work of an ONNX model of fixed shapes, as ATC would see it."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import ModelProto, NodeProto, shape_inference

from compress.cost.work import Work, convolution, movement, product
from deploy.errors import ModelError

_MOVES = {"Add", "Sub", "Mul", "Concat", "MaxPool", "AveragePool", "Resize", "Softmax", "Transpose", "Slice", "Split"}
_COUNTED = {"Conv", "MatMul", *_MOVES}


def work_of(model: ModelProto, name: str) -> list[Work]:
    """The operators of the graph, in its order; activations count as part of what they follow.

    `name` begins the sentence of an error. Raises ModelError where a shape is not fixed or cannot be inferred.
    """
    try:
        inferred = shape_inference.infer_shapes(model, strict_mode=True)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{name}: its shapes cannot be inferred: {reason[:200]}") from None
    graph = inferred.graph
    shapes: dict[str, Sequence[int]] = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    constant = {*shapes, *(node.output[0] for node in graph.node if node.op_type == "Constant")}
    for value in (*graph.input, *graph.output, *graph.value_info):
        sides = value.type.tensor_type.shape.dim
        shapes[value.name] = [side.dim_value if side.HasField("dim_value") else 0 for side in sides]
    gates = _gates(graph.node)
    works = []
    for node in graph.node:
        if node.op_type not in _COUNTED or node.output[0] in gates:
            continue
        sources = [_fixed(shapes, tensor, name) for tensor in node.input if tensor and tensor not in constant]
        result = _fixed(shapes, node.output[0], name)
        title = node.name or node.output[0]
        if node.op_type == "Conv":
            weight = _fixed(shapes, node.input[1], name)
            works.append(convolution(title, weight, _attribute(node, "group", 1), sources[0], result))
        elif node.op_type == "MatMul" and len(sources) == 2:
            works.append(product(title, *sources))
        elif sources:
            works.append(movement(title, node.op_type.lower(), sources, result))
    return works


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


def _fixed(shapes: dict[str, Sequence[int]], tensor: str, name: str) -> Sequence[int]:
    shape = shapes.get(tensor)
    if shape is None or not all(shape):
        raise ModelError(f"{name}: the shape of '{tensor}' is {shape or 'unknown'}; expected fixed sizes")
    return shape


def _attribute(node: NodeProto, key: str, default: int) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == key), default)
