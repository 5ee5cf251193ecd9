"""What can be said of an ONNX graph without running it: shapes, constants, who makes and who takes a tensor."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from compress.graph.ascend_operators import has_ascend, without_ascend
from deploy.errors import ModelError


def load_onnx(path: str | Path) -> onnx.ModelProto:
    """Raises ModelError for a file that is missing, unreadable, no ONNX model or one that its checker refuses."""
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(without_ascend(model) if has_ascend(model) else model)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file, expected an ONNX model") from None
    except OSError as fault:
        raise ModelError(f"{path} cannot be read: {fault.strerror or fault}") from None
    except Exception as fault:  # protobuf and onnx have errors of their own, without a common base
        raise ModelError(f"{path} is not a valid ONNX model: {str(fault).strip().splitlines()[0]}") from None
    if not model.graph.node:
        raise ModelError(f"{path} is not a valid ONNX model: its graph has no node")
    return model


class GraphFacts:
    """Facts of a model's graph at one time; make them anew after the graph was changed.

    `shapes` has, for every tensor of known rank, its sides, None for one that is not fixed; `constants` the values of
    initializers, of Constant nodes, and of Identity nodes behind these.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.graph = model.graph
        self.opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
        self.constants = _constants(model.graph)
        self.shapes = _shapes(model)
        self.makers = {name: node for node in self.graph.node for name in node.output if name}
        self.takers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.graph.node:
            for name in dict.fromkeys(node.input):
                self.takers[name].append(node)
        self.inputs = [value.name for value in self.graph.input if value.name not in self.constants]
        self.outputs = [value.name for value in self.graph.output]

    def constant(self, node: onnx.NodeProto, position: int) -> np.ndarray | None:
        """The value of an input of the node; None where it has no such input or the input is no constant."""
        name = node.input[position] if position < len(node.input) else ""
        return self.constants.get(name) if name else None

    def rank(self, name: str) -> int | None:
        shape = self.shapes.get(name)
        return None if shape is None else len(shape)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The node's attributes as Python values; texts as str."""
    values = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()}


def set_attribute(node: onnx.NodeProto, name: str, value: Any) -> None:
    """Give the node's attribute a value, or with None take it away."""
    kept = [entry for entry in node.attribute if entry.name != name]
    del node.attribute[:]
    node.attribute.extend(kept if value is None else [*kept, helper.make_attribute(name, value)])


def place(node: onnx.NodeProto) -> str:
    """How sentences call a node: its operator and its name, or what it makes where it has none."""
    return f"{node.op_type} '{node.name or next(iter(node.output), '')}'"


def captured(graph: onnx.GraphProto) -> set[str]:
    """The names that the nodes' inner graphs (of If, Loop, Scan) read, whether from themselves or from outside."""
    names: set[str] = set()
    for node in graph.node:
        for entry in node.attribute:
            for inner in [entry.g, *entry.graphs]:
                names |= {name for one in inner.node for name in one.input} | captured(inner)
                names |= {value.name for value in inner.output}
    return names


def drop_unused(graph: onnx.GraphProto) -> None:
    """Remove the initializers and Constant nodes that nothing reads, and what was noted of inner shapes."""
    read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    read |= captured(graph)
    gone = {entry.name for entry in graph.initializer} - read
    for entries in (graph.initializer, graph.input):
        kept = [entry for entry in entries if entry.name not in gone]
        del entries[:]
        entries.extend(kept)
    kept_nodes = [node for node in graph.node if node.op_type != "Constant" or node.output[0] in read]
    del graph.node[:]
    graph.node.extend(kept_nodes)
    del graph.value_info[:]


def _constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    found = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and len(node.attribute) == 1:
            value = helper.get_attribute_value(node.attribute[0])
            if isinstance(value, onnx.TensorProto):
                found[node.output[0]] = numpy_helper.to_array(value)
            elif node.attribute[0].name in ("value_float", "value_floats"):
                found[node.output[0]] = np.array(value, np.float32)
            elif node.attribute[0].name in ("value_int", "value_ints"):
                found[node.output[0]] = np.array(value, np.int64)
        elif node.op_type == "Identity" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _shapes(model: onnx.ModelProto) -> dict[str, list[int | None]]:
    try:
        plain = without_ascend(model) if has_ascend(model) else model
        inferred = onnx.shape_inference.infer_shapes(plain, data_prop=True)
    except Exception:  # what cannot be inferred is not known: each rule says what it needs
        inferred = model
    shapes = {}
    for value in [*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output]:
        if value.type.tensor_type.HasField("shape"):
            sides = value.type.tensor_type.shape.dim
            shapes[value.name] = [side.dim_value if side.HasField("dim_value") else None for side in sides]
    return shapes
