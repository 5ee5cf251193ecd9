"""The graph that ATC converts directly: AscendQuant -> convolution on int8 with int32 bias -> AscendDequant.

`scale` and `offset` are FLOAT attributes: ATC's reader takes an offset of another type for 0 without a word. A tensor
that feeds several convolutions is quantised once. Scales of AscendDequant are uint64 [channels], the float32 in the low
32 bits.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from compress.graph.graph_facts import drop_unused
from compress.quantize.quantization import Quantization


def deploy_graph(model: onnx.ModelProto, quantization: Quantization) -> onnx.ModelProto:
    """A copy of the float model with its int8 layers written for ATC; the opset stays."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
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
            quantised[layer.source] = f"{layer.source}_quant"
            nodes.append(
                helper.make_node(
                    "AscendQuant",
                    [layer.source],
                    [quantised[layer.source]],
                    name=f"{layer.source}_AscendQuant",
                    scale=float(np.float32(1) / np.float32(activation.scale)),
                    offset=float(activation.offset),
                    dst_type="INT8",
                )
            )
        inputs = [quantised[layer.source], add_weight(made, f"{layer.name}_quant_weight", weights.weight)]
        if weights.bias is not None:
            inputs.append(add_weight(made, f"{layer.name}_quant_bias", weights.bias))
        sums = f"{layer.result}_int32"
        conv = onnx.NodeProto()
        conv.CopyFrom(node)
        conv.name = f"{layer.name}_quant"
        del conv.input[:], conv.output[:]
        conv.input.extend(inputs)
        conv.output.append(sums)
        bits = weights.deq_scale(activation).view(np.uint32).astype(np.uint64)
        scale = add_weight(made, f"{layer.name}_deq_scale", bits)
        dequant = helper.make_node(
            "AscendDequant", [sums, scale], [layer.result], name=f"{layer.name}_AscendDequant", dtype=0
        )
        nodes += [conv, dequant]
    replace_nodes(made, nodes)
    return made


def add_weight(model: onnx.ModelProto, name: str, values: np.ndarray) -> str:
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    return name


def replace_nodes(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    drop_unused(model.graph)
