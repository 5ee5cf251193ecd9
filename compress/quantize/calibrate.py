"""Ranges from images and weights rounded to the nearest: the quantisation that everything else begins with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from compress.graph.graph_facts import GraphFacts
from compress.quantize.arithmetic import QuantizedWeights, quantised_weights, weight_scale
from compress.quantize.layers import Layer
from compress.quantize.quantization import Quantization
from compress.quantize.ranges import activations, collect


def calibrated(
    model: onnx.ModelProto,
    layers: list[Layer],
    images: Sequence[np.ndarray],
    method: str,
    symmetric: bool = False,
    per_channel: bool = True,
) -> Quantization:
    """Quantise the layers that are not kept; `method` is one of RANGES.

    Raises DataError as `collect` does.
    """
    whole = [layer for layer in layers if not layer.kept]
    statistics = collect(model, [layer.source for layer in whole], images, histograms=method != "minmax")
    found = activations(statistics, method, symmetric)
    constants = GraphFacts(model).constants
    weights: dict[str, QuantizedWeights] = {}
    for layer in whole:
        weight, bias = constants[layer.weight], constants[layer.bias] if layer.bias else None
        scale = weight_scale(weight, per_channel)
        weights[layer.name] = quantised_weights(weight, bias, scale, found[layer.source])
    return Quantization(layers, found, weights)
