"""What can be said of an ONNX graph without running it: shapes, constants, who makes and who takes a tensor."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from compress.graph.foreign import standard_opset
from compress.graph.shapes import inferred_shapes


class GraphFacts:
    """Facts of a model's graph at one time; make them anew after the graph was changed.

    `shapes` has, for every tensor of known rank, its sides, None for one that is not fixed; `constants` the values of
    initializers, of Constant nodes, and of Identity nodes behind these. Raises ModelError where a tensor would be too
    large (shapes.py).
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.graph = model.graph
        self.opset = standard_opset(model)
        self.constants = _constants(model.graph)
        self.shapes = inferred_shapes(model)
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
