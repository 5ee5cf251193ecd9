"""Writes a graph in an older opset, operator by operator, where that is exact.

Most operators only learnt new number types since opset 11. For the others the table below has what to change (ONNX
operator changelog). onnx's own converter has no way down for most of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from compress.graph.graph_facts import GraphFacts, attributes, drop_unused, place, set_attribute

OLDEST = 11
_UNCHANGED = {
    "Abs", "Add", "And", "ArgMax", "ArgMin", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip",
    "Concat", "Constant", "ConstantOfShape", "Conv", "ConvTranspose", "CumSum", "DepthToSpace", "Div", "Dropout",
    "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "Gemm",
    "GlobalAveragePool", "GlobalMaxPool", "Greater", "HardSigmoid", "Identity", "InstanceNormalization", "LRN",
    "LeakyRelu", "Less", "Log", "MatMul", "Max", "MaxPool", "Mean", "Min", "Mod", "Mul", "Neg",
    "NonMaxSuppression", "NonZero", "Not", "Or", "PRelu", "Pad", "Pow", "Range", "Reciprocal", "Relu", "Reshape",
    "Round", "ScatterElements", "ScatterND", "Selu", "Shape", "Sigmoid", "Sign", "Slice", "Softplus",
    "Softsign", "SpaceToDepth", "Sqrt", "Sub", "Sum", "Tanh", "ThresholdedRelu", "Tile", "TopK", "Transpose",
    "Where",
}  # fmt: skip
_NEW_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "ArgMax": {"select_last_index": 0},
    "ArgMin": {"select_last_index": 0},
    "AveragePool": {"dilations": [1, 1]},
    "BatchNormalization": {"training_mode": 0},
    "GatherND": {"batch_dims": 0},
    "Reshape": {"allowzero": 0},
    "Resize": {"antialias": 0, "keep_aspect_ratio_policy": "stretch"},
    "ScatterElements": {"reduction": "none"},
    "ScatterND": {"reduction": "none"},
    "Shape": {"start": 0},
    "Cast": {"saturate": 1, "round_mode": "up"},
}
"""Attributes that came later, with the value at which the older operator does the same."""


class Refused(Exception):
    """This node cannot be written in the older opset; the text says why."""


def _constant_input(facts: GraphFacts, node: onnx.NodeProto, position: int) -> list[int] | None:
    if position >= len(node.input) or not node.input[position]:
        return None
    value = facts.constant(node, position)
    if value is None:
        raise Refused("takes a computed list")
    return [int(entry) for entry in np.ravel(value)]


def _list_to_attribute(name: str) -> Callable[[GraphFacts, onnx.NodeProto], list[onnx.NodeProto]]:
    def lower(facts: GraphFacts, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        values = _constant_input(facts, node, 1)
        if attributes(node).get("noop_with_empty_axes", 0):
            raise Refused("does nothing where its axes are empty")
        set_attribute(node, "noop_with_empty_axes", None)
        del node.input[1:]
        if values is not None:
            set_attribute(node, name, values)
        return [node]

    return lower


def _split(facts: GraphFacts, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    if attributes(node).get("num_outputs") and len(node.input) < 2:
        axis = attributes(node).get("axis", 0)
        sides = [facts.shapes.get(name) for name in node.output]
        if any(side is None or side[axis] is None for side in sides):
            raise Refused("splits into parts of unknown size")
        sizes: list[int] | None = [int(side[axis] or 0) for side in sides if side is not None]
    else:
        sizes = _constant_input(facts, node, 1)
    set_attribute(node, "num_outputs", None)
    del node.input[1:]
    if sizes is not None:
        set_attribute(node, "split", sizes)
    return [node]


def _softmax(facts: GraphFacts, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Before opset 13 all axes from `axis` on were one; that is the same for the last one only."""
    rank = facts.rank(node.input[0])
    axis = attributes(node).get("axis", 1 if facts.opset < 13 else -1)
    if facts.opset >= 13 and (rank is None or axis % rank != rank - 1):
        raise Refused("works along an axis that is not the last")
    set_attribute(node, "axis", axis if rank is None else axis % rank)
    return [node]


def _quantize(facts: GraphFacts, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    scale = facts.constant(node, 1)
    if scale is None or scale.size != 1:
        raise Refused("has a scale for each channel")
    set_attribute(node, "axis", None)
    return [node]


def _resize(facts: GraphFacts, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The region and the scales could not be left out yet; an empty list stands for them."""
    added = []
    for position in (1, 2):
        if position >= len(node.input) or not node.input[position]:
            name = f"{node.output[0]}/empty{position}"
            empty = numpy_helper.from_array(np.array([], np.float32))
            added.append(helper.make_node("Constant", [], [name], name, value=empty))
            while len(node.input) <= position:
                node.input.append("")
            node.input[position] = name
    return [*added, node]


def _hard_swish(facts: GraphFacts, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    gate = f"{node.output[0]}/gate"
    return [
        helper.make_node("HardSigmoid", [node.input[0]], [gate], f"{node.name}/gate", alpha=1 / 6, beta=0.5),
        helper.make_node("Mul", [node.input[0], gate], list(node.output), node.name),
    ]


def _mish(facts: GraphFacts, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    soft, gate = f"{node.output[0]}/soft", f"{node.output[0]}/gate"
    return [
        helper.make_node("Softplus", [node.input[0]], [soft], f"{node.name}/soft"),
        helper.make_node("Tanh", [soft], [gate], f"{node.name}/gate"),
        helper.make_node("Mul", [node.input[0], gate], list(node.output), node.name),
    ]


_Lower = Callable[[GraphFacts, onnx.NodeProto], list[onnx.NodeProto]]
REPLACED: dict[str, _Lower] = {"HardSwish": _hard_swish, "Mish": _mish}
"""Operators that did not exist in opset 11, made of ones that did."""
_LOWERED: dict[str, _Lower] = {
    **REPLACED,
    "Resize": _resize,
    "Split": _split,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _quantize,
    **dict.fromkeys(("Squeeze", "Unsqueeze"), _list_to_attribute("axes")),
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL2"), _list_to_attribute("axes")),
}


def lower_opset(model: onnx.ModelProto, newest: int) -> tuple[list[str], list[str]]:
    """Write the graph in opset 11 in place where it is newer than `newest`.

    Returns what was done, or nothing and the reasons why it could not be; the model is unchanged then.
    """
    facts = GraphFacts(model)
    if facts.opset <= newest or facts.opset <= OLDEST:
        return [], []
    nodes, reasons = [], []
    for old in facts.graph.node:
        node = onnx.NodeProto()
        node.CopyFrom(old)
        try:
            nodes += _lowered(facts, node)
        except Refused as reason:
            reasons.append(f"{place(old)} {reason}, so opset {facts.opset} stays")
    if reasons:
        return [], reasons
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for entry in model.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = OLDEST
    model.ir_version = min(model.ir_version, 8)
    drop_unused(model.graph)
    return [f"opset {facts.opset} is {OLDEST} now"], []


def _lowered(facts: GraphFacts, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    kind, values = node.op_type, attributes(node)
    if node.domain not in ("", "ai.onnx"):
        return [node]
    if any(entry.g.node or entry.graphs for entry in node.attribute):
        raise Refused("has inner graphs")
    for name, same in _NEW_ATTRIBUTES.get(kind, {}).items():
        if name in values and values[name] != same:
            raise Refused(f"has {name}, which opset {OLDEST} does not know")
        set_attribute(node, name, None)
    if kind == "Constant":
        value = facts.constants.get(node.output[0])
        if value is None:
            raise Refused("holds something that is no tensor")
        return [helper.make_node("Constant", [], list(node.output), node.name, value=numpy_helper.from_array(value))]
    if kind in ("Resize", "Pad") and ("axes" in values or (kind == "Pad" and len(node.input) > 3 and node.input[3])):
        raise Refused("names its axes")
    if kind == "Shape" and "end" in values:
        raise Refused("gives part of a shape")
    if kind == "Dropout" and len([name for name in node.output if name]) > 1:
        raise Refused("gives its mask")
    if kind == "Dropout":
        del node.input[1:]
        set_attribute(node, "seed", None)
        return [node]
    if kind in _LOWERED:
        return _LOWERED[kind](facts, node)
    if kind not in _UNCHANGED:
        raise Refused(f"has no form in opset {OLDEST} that is known here")
    return [node]
