"""The ONNX with QuantizeLinear and DequantizeLinear in pairs, under the rules of amct_onnx's convert_qat_model: one
pair before each convolution on int8, per tensor; weights with a DequantizeLinear of zero point 0; nothing behind
convolutions.

Biases are float, but already whole numbers of their scale: amct_onnx makes int32 of them, and both models are to agree.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, version_converter

from compress.graph.graph_facts import GraphFacts
from compress.graph.onnx_proof import prove_equal
from compress.quantize.deploy_graph import add_weight, replace_nodes
from compress.quantize.quantization import Quantization
from deploy.errors import ModelError

OPSET_PER_CHANNEL = 13
"""The first in which DequantizeLinear has an axis."""
_OPSET_PER_TENSOR = 10


def qdq_graph(model: onnx.ModelProto, quantization: Quantization, name: str) -> onnx.ModelProto:
    """A copy of the float model with the pairs, its opset raised to 13 where weights have scales per channel.

    Raises ModelError where the opset cannot be raised; the sentence calls the model `name`.
    """
    per_channel = any(quantization.weights[layer.name].scale.size > 1 for layer in quantization.whole)
    made = with_opset(model, OPSET_PER_CHANNEL if per_channel else _OPSET_PER_TENSOR, name)
    whole = {layer.result: layer for layer in quantization.whole}
    quantised: dict[str, str] = {}
    nodes = []
    for node in made.graph.node:
        layer = whole.get(node.output[0])
        if layer is None:
            nodes.append(node)
            continue
        activation, weights = quantization.activations[layer.source], quantization.weights[layer.name]
        if layer.source not in quantised:
            scale = add_weight(made, f"{layer.source}_scale", np.array(activation.scale, np.float32))
            zero = add_weight(made, f"{layer.source}_zero_point", np.array(activation.offset, np.int8))
            quantised[layer.source] = f"{layer.source}_dequantized"
            nodes += _pair(layer.source, quantised[layer.source], scale, zero)
        nodes.append(_weights_node(made, layer.name, weights.weight, weights.scale))
        node.input[0], node.input[1] = quantised[layer.source], f"{layer.name}_weight_dequantized"
        if weights.bias is not None:
            bias = weights.bias.astype(np.float32) * weights.deq_scale(activation)
            node.input[2] = add_weight(made, f"{layer.name}_bias", bias)
        nodes.append(node)
    replace_nodes(made, list(nodes))
    return made


def with_opset(model: onnx.ModelProto, least: int, name: str) -> onnx.ModelProto:
    """A copy of at least that opset, proved equal. Raises ModelError where it cannot be made."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    found = GraphFacts(model).opset
    if found >= least:
        return copy
    wish = f"{name} has opset {found}; QuantizeLinear with a scale for each channel needs {least}"
    remedy = "export it with that opset, or quantise with --per-tensor" if least == OPSET_PER_CHANNEL else "export anew"
    try:
        raised = version_converter.convert_version(model, least)
        del raised.metadata_props[:]
        raised.metadata_props.extend(model.metadata_props)
        raised.ir_version = max(raised.ir_version, model.ir_version)
        prove_equal(model, raised, name, draws=1)
    except Exception as fault:  # the converter's errors have no common base
        reason = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        raise ModelError(f"{wish}, and raising it failed ({reason[:160]}): {remedy}") from None
    return raised


def _pair(source: str, target: str, scale: str, zero: str) -> list[onnx.NodeProto]:
    whole = f"{source}_quantized"
    return [
        helper.make_node("QuantizeLinear", [source, scale, zero], [whole], name=f"{source}_QuantizeLinear"),
        helper.make_node("DequantizeLinear", [whole, scale, zero], [target], name=f"{source}_DequantizeLinear"),
    ]


def _weights_node(model: onnx.ModelProto, name: str, weight: np.ndarray, scale: np.ndarray) -> onnx.NodeProto:
    per_channel = scale.size > 1
    inputs = [
        add_weight(model, f"{name}_weight_quantized", weight),
        add_weight(model, f"{name}_weight_scale", scale if per_channel else scale.reshape(())),
        add_weight(model, f"{name}_weight_zero_point", np.zeros(len(scale) if per_channel else (), np.int8)),
    ]
    result = f"{name}_weight_dequantized"
    node = helper.make_node("DequantizeLinear", inputs, [result], name=f"{name}_weight_DequantizeLinear")
    if per_channel:
        node.attribute.append(helper.make_attribute("axis", 0))
    return node
