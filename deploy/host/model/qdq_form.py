"""A QDQ model in the form of Ascend's operators, so that both forms of one quantisation compute the same numbers.

CANN's amct_onnx makes the second form of the first in the same way: QuantizeLinear and DequantizeLinear before a
convolution become AscendQuant, its weights int8, its bias int32, and AscendDequant follows. onnxruntime itself would
compute such a convolution in floats, whose last bits decide between two whole numbers further on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deploy.host.model.onnx_parts import (
    GraphNode,
    float_attribute,
    graph_of,
    nodes_of,
    tensor_field,
    weights_of,
    with_graph,
)
from deploy.wire.protobuf import Field, Graph, ValueInfo, messages_of, text_of

_NEAR = 0.01


def in_ascend_form(model: bytes) -> bytes:
    """The model with every convolution rewritten that has a pair in front, int8 weights with zero point 0, and a bias
    of whole numbers of its scale; the model as it is where there is none. Raises ValueError for no ONNX model."""
    graph = graph_of(model)
    nodes = nodes_of(graph)
    if not any(node.operator == "DequantizeLinear" for node in nodes):
        return model
    form = _Form({name: node for node in nodes for name in node.outputs}, weights_of(graph))
    made = [entry for node in nodes for entry in form.rewritten(node)]
    if not form.added:
        return model
    parts = [part for part in graph if part.number != Graph.NODE]
    parts += [tensor_field(name, values) for name, values in form.added.items()]
    return with_graph(model, [*parts, *(node.field() for node in _used(made, graph))])


@dataclass
class _Form:
    makers: Mapping[str, GraphNode]
    weights: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        self.added: dict[str, np.ndarray] = {}
        self._quants: dict[tuple[str, float, int], str] = {}

    def rewritten(self, node: GraphNode) -> list[GraphNode]:
        found = self._pair(node) if node.operator == "Conv" else None
        if found is None:
            return [node]
        source, scale, offset, weight, factors, bias = found
        result, made = node.outputs[0], []
        key = (source, scale, offset)
        if key not in self._quants:
            self._quants[key] = f"{source}/ascend/{len(self._quants)}"
            attributes = [float_attribute("scale", float(np.float32(1) / np.float32(scale)))]
            attributes.append(float_attribute("offset", float(offset)))
            target = self._quants[key]
            made.append(GraphNode("AscendQuant", target, [source], [target], attributes))
        inputs = [self._quants[key], self._add(f"{result}/ascend/weight", weight)]
        if bias is not None:
            inputs.append(self._add(f"{result}/ascend/bias", bias))
        words = self._add(f"{result}/ascend/deq_scale", factors.view(np.uint32).astype(np.uint64))
        made.append(GraphNode("Conv", node.name, inputs, [f"{result}/ascend/int32"], node.attributes))
        made.append(GraphNode("AscendDequant", f"{result}/ascend", [f"{result}/ascend/int32", words], [result]))
        return made

    def _pair(self, node: GraphNode) -> tuple[str, float, int, np.ndarray, np.ndarray, np.ndarray | None] | None:
        """What is quantised, its scale and offset, int8 weights, the factors of the result, and the int32 bias."""
        back = self.makers.get(node.inputs[0])
        there = self.makers.get(back.inputs[0]) if back is not None and back.operator == "DequantizeLinear" else None
        weights = self.makers.get(node.inputs[1])
        if back is None or there is None or there.operator != "QuantizeLinear":
            return None
        if weights is None or weights.operator != "DequantizeLinear":
            return None
        activation, same = self._scale(there), self._scale(back)
        weight, scale = self.weights.get(weights.inputs[0]), self.weights.get(weights.inputs[1])
        zero = self.weights.get(weights.inputs[2]) if len(weights.inputs) > 2 else np.zeros(1, np.int8)
        if activation is None or activation != same or weight is None or scale is None or zero is None:
            return None
        per_channel = scale.size == len(weight) and (scale.size == 1 or not weights.attribute("axis"))
        if weight.dtype != np.int8 or zero.any() or not (scale.size == 1 or per_channel):
            return None
        factors = (scale.reshape(-1).astype(np.float64) * np.float64(activation[0])).astype(np.float32)
        bias = None
        if len(node.inputs) > 2 and node.inputs[2]:
            values = self.weights.get(node.inputs[2])
            if values is None or values.dtype != np.float32:
                return None
            whole = values.astype(np.float64) / factors
            if not (np.abs(whole) < 2**31 - 1).all() or _far(whole):
                return None
            bias = np.rint(whole).astype(np.int32)
        return there.inputs[0], *activation, weight, factors, bias

    def _scale(self, node: GraphNode) -> tuple[float, int] | None:
        """A single scale and an int8 zero point."""
        if len(node.inputs) < 3:
            return None
        scale, zero = self.weights.get(node.inputs[1]), self.weights.get(node.inputs[2])
        if scale is None or zero is None or scale.size != 1 or zero.size != 1 or zero.dtype != np.int8:
            return None
        return float(scale.reshape(-1)[0]), int(zero.reshape(-1)[0])

    def _add(self, name: str, values: np.ndarray) -> str:
        self.added[name] = values
        return name


def _far(values: np.ndarray) -> bool:
    """Whether some are no whole numbers, as far as float32 can tell."""
    return bool((np.abs(values - np.rint(values)) > _NEAR + np.abs(values) * 2.0**-22).any())


def _used(nodes: list[GraphNode], graph: list[Field]) -> list[GraphNode]:
    """The nodes without those whose result nobody takes any more."""
    wanted = {text_of(entry, ValueInfo.NAME) for entry in messages_of(graph, Graph.OUTPUT)}
    kept = []
    for node in reversed(nodes):
        if wanted & set(node.outputs) or node.operator not in ("QuantizeLinear", "DequantizeLinear"):
            wanted.update(node.inputs)
            kept.append(node)
    return kept[::-1]
