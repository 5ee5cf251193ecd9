"""Bias correction (Nagel et al. 2019): rounding weights moves the mean of a channel's results, which its bias can take
back. Layer by layer, each with the inputs that the corrected layers before it give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx

from compress.graph.graph_facts import GraphFacts
from compress.quantize.arithmetic import whole_bias
from compress.quantize.deploy_graph import deploy_graph
from compress.quantize.float_run import FloatRun
from compress.quantize.quantization import Quantization
from deploy.host.model.ascend_int8 import FUSIONS, lowered

MOST_IMAGES = 16


def correct_bias(model: onnx.ModelProto, quantization: Quantization, images: Sequence[np.ndarray]) -> Quantization:
    """The same quantisation with biases that give every int8 layer's channels the float model's mean."""
    some = [images[number] for number in range(min(len(images), MOST_IMAGES))]
    results = [layer.result for layer in quantization.whole]
    wanted = _means(FloatRun(model, results), some)
    constants = GraphFacts(model).constants
    weights = dict(quantization.weights)
    for layer in quantization.whole:
        if not layer.bias:
            continue
        current = Quantization(quantization.layers, quantization.activations, weights)
        content = lowered(deploy_graph(model, current).SerializeToString())
        run = FloatRun(onnx.load_from_string(content), [layer.result], FUSIONS)
        missing = wanted[layer.result] - _means(run, some)[layer.result]
        old, activation = weights[layer.name], quantization.activations[layer.source]
        assert old.bias is not None
        before = old.bias * old.deq_scale(activation).astype(np.float64)
        bias = (before + missing).astype(constants[layer.bias].dtype)
        weights[layer.name] = replace(old, bias=whole_bias(bias, old.scale, activation))
    return Quantization(quantization.layers, quantization.activations, weights)


def _means(run: FloatRun, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The mean of each channel of each tensor over all places and images, float64."""
    sums: dict[str, np.ndarray] = {}
    for found in run.over(images):
        for name, values in found.items():
            sums[name] = sums.get(name, 0.0) + values.astype(np.float64).mean(axis=(0, 2, 3))
    return {name: value / len(images) for name, value in sums.items()}
