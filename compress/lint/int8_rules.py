"""Rules about int8, in the form of ATC (AscendQuant, AscendDequant) and in that of amct_onnx (QDQ).

Sources: ATC's ONNX readers (ops-nn), CANN's guides for amct_onnx and graph development; docs/adr has what of them is
inferred.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx

from compress.graph.graph_facts import GraphFacts, attributes, place
from compress.lint.finding import ERROR, WARNING, Finding
from compress.lint.subject import Subject
from deploy.host.model.ascend_int8 import ROLLBACK

_COMPUTING = ("Conv", "ConvTranspose", "Gemm", "MatMul", "AveragePool")
_PER_CHANNEL = 13
_NEAR = 0.01


def quantisers(subject: Subject) -> Iterator[Finding]:
    """AscendQuant: attributes as ATC reads them, and what takes the int8."""
    for node in subject.facts.graph.node:
        if node.op_type != "AscendQuant":
            continue
        for entry in node.attribute:
            if entry.name in ("scale", "offset") and entry.type != onnx.AttributeProto.FLOAT:
                kind = onnx.AttributeProto.AttributeType.Name(entry.type)
                sentence = f"its {entry.name} is of type {kind}; ATC reads FLOAT alone and takes 0 without a word"
                yield Finding(
                    "int8-attribute", ERROR, place(node), sentence, f"write {entry.name} as a FLOAT attribute"
                )
        if "scale" not in attributes(node):
            yield Finding("int8-attribute", ERROR, place(node), "has no scale", "quantise the model again")
        takers = subject.facts.takers[node.output[0]]
        if other := next((n for n in takers if n.op_type not in (*_COMPUTING, "AscendAntiQuant")), None):
            sentence = f"{place(other)} takes its int8, which only convolutions and products can"
            yield Finding("int8-pattern", ERROR, place(node), sentence, "quantise in front of convolutions alone")


def whole_layers(subject: Subject) -> Iterator[Finding]:
    """Convolutions on int8: their weights, biases and scales, and those that ATC puts back into half precision."""
    facts, narrow = subject.facts, []
    for node in facts.graph.node:
        maker = facts.makers.get(node.input[0]) if node.input else None
        if node.op_type not in _COMPUTING or maker is None or maker.op_type != "AscendQuant":
            continue
        weight = facts.constant(node, 1)
        if weight is None or weight.dtype != np.int8:
            sentence = "computes on int8, but its weights are no int8 constants"
            yield Finding("int8-weights", ERROR, place(node), sentence, "quantise the model again")
            continue
        bias = facts.constant(node, 2)
        if len(node.input) > 2 and node.input[2] and (bias is None or bias.dtype != np.int32):
            sentence = "computes on int8, but its bias is no int32 constant"
            yield Finding("int8-weights", ERROR, place(node), sentence, "write it as rint(b / (s_x * s_w))")
        takers = facts.takers[node.output[0]]
        if [taker.op_type for taker in takers] != ["AscendDequant"]:
            sentence = "computes on int8, but what it makes does not go into one AscendDequant"
            yield Finding("int8-pattern", ERROR, place(node), sentence, "quantise the model again")
            continue
        yield from _scales(facts, takers[0], len(weight))
        if node.op_type == "Conv" and weight.shape[1] * attributes(node).get("group", 1) <= ROLLBACK:
            narrow.append(node)
    if narrow:
        yield Finding(
            "int8-narrow",
            WARNING,
            place(narrow[0]),
            f"{len(narrow)} convolutions on int8 have inputs of {ROLLBACK} channels or fewer; ATC computes them in "
            "half precision, with weights that were rounded for nothing",
            "leave them in float, as compress quantize does",
        )


def _scales(facts: GraphFacts, node: onnx.NodeProto, channels: int) -> Iterator[Finding]:
    scale = facts.constant(node, 1)
    if scale is None or scale.dtype != np.uint64 or scale.ndim != 1 or scale.size not in (1, channels):
        found = "no constant" if scale is None else f"{scale.dtype} {list(scale.shape)}"
        sentence = f"its scales are {found}; ATC takes uint64 [{channels}] or [1]"
        yield Finding("int8-scale", ERROR, place(node), sentence, "quantise the model again")
    elif (scale >> np.uint64(32)).any():
        sentence = (
            "the high 32 bits of its scales are not zero: a shift or an offset of weights that this ATC path lacks"
        )
        yield Finding("int8-scale", ERROR, place(node), sentence, "write the float32 scale alone")


def pairs(subject: Subject) -> Iterator[Finding]:
    """QDQ under the rules of amct_onnx's convert_qat_model."""
    facts = subject.facts
    kinds = {node.op_type for node in facts.graph.node}
    if not kinds & {"QuantizeLinear", "DequantizeLinear"}:
        return
    if subject.bundle is None or not subject.bundle.quantization:
        remedy = "convert it with amct_onnx's convert_qat_model, or quantise the float bundle with compress quantize"
        yield Finding("qdq", WARNING, subject.name, "ATC itself takes no QuantizeLinear", remedy)
    for node in facts.graph.node:
        if node.op_type == "QuantizeLinear":
            yield from _pair(facts, node)
        elif node.op_type == "DequantizeLinear" and facts.constant(node, 0) is not None:
            yield from _weights(facts, node)
        elif node.op_type == "Conv":
            yield from _bias(facts, node)


def _pair(facts: GraphFacts, node: onnx.NodeProto) -> Iterator[Finding]:
    maker = facts.makers.get(node.input[0])
    if maker is not None and maker.op_type == "Conv":
        sentence = f"quantises what {place(maker)} makes; amct_onnx knows pairs in front of convolutions"
        yield Finding("qdq-output", WARNING, place(node), sentence, "quantise inputs of convolutions alone")
    back = facts.takers[node.output[0]]
    if not back or any(taker.op_type != "DequantizeLinear" for taker in back):
        sentence = "is no half of a pair: a DequantizeLinear has to follow, and nothing else"
        yield Finding("qdq-pair", ERROR, place(node), sentence, "quantise the model again")
        return
    for taker in back:
        both = zip(node.input[1:], taker.input[1:], strict=False)
        same = len(node.input) == len(taker.input) and all(
            a == b or np.array_equal(facts.constants.get(a), facts.constants.get(b))  # type: ignore[arg-type]
            for a, b in both
        )
        if not same:
            sentence = f"has another scale or zero point than {place(taker)}, the other half of its pair"
            yield Finding("qdq-pair", ERROR, place(node), sentence, "give both the same")
    scale = facts.constant(node, 1)
    if scale is None or scale.size != 1:
        sentence = "an activation has one constant scale; channels of their own are for weights"
        yield Finding("qdq-pair", ERROR, place(node), sentence, "quantise activations per tensor")


def _weights(facts: GraphFacts, node: onnx.NodeProto) -> Iterator[Finding]:
    scale, zero = facts.constant(node, 1), facts.constant(node, 2)
    if zero is not None and zero.any():
        sentence = "weights have a zero point other than 0, which the chip cannot compute with"
        yield Finding("qdq-weights", ERROR, place(node), sentence, "quantise weights symmetrically")
    if scale is not None and scale.size > 1 and facts.opset < _PER_CHANNEL:
        sentence = f"has a scale for each channel in opset {facts.opset}; that exists from {_PER_CHANNEL} on"
        yield Finding("qdq-opset", ERROR, place(node), sentence, f"export with opset {_PER_CHANNEL}, or use one scale")


def _bias(facts: GraphFacts, node: onnx.NodeProto) -> Iterator[Finding]:
    """amct_onnx makes a whole number of a bias; one that is none already makes both models differ."""
    back, weight = facts.makers.get(node.input[0]), facts.makers.get(node.input[1])
    bias = facts.constant(node, 2)
    if bias is None or any(n is None or n.op_type != "DequantizeLinear" for n in (back, weight)):
        return
    assert back is not None and weight is not None
    scale, factor = facts.constant(back, 1), facts.constant(weight, 1)
    if scale is None or factor is None:
        return
    whole = bias.astype(np.float64) / (scale.astype(np.float64) * factor.reshape(-1))
    if (np.abs(whole - np.rint(whole)) > _NEAR + np.abs(whole) * 2.0**-22).any():  # of float32 no more can be said
        sentence = "its bias is no whole number of its scale; amct_onnx rounds it, so that both models differ"
        yield Finding("qdq-bias", WARNING, place(node), sentence, "write it as rint(b / (s_x * s_w)) * (s_x * s_w)")
