"""Rules for operators with a weight for each channel: convolutions and normalisations.

Zeros change nothing here: a padded output channel gets weight and bias 0 and so holds 0; a padded input channel meets
weight 0, whatever finite value an activation has made of it.
"""

from __future__ import annotations

import numpy as np
import onnx

from compress.graph.graph_facts import GraphFacts, attributes, set_attribute
from compress.pad.channels import Channels, Opaque, spread
from compress.pad.rule import Keep, Padding, Rule, needed, tracked


class Convolution(Rule):
    """Conv, with any number of groups: weight [out, in / groups, ...]."""

    out_axis, in_axis = 0, 1

    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        ids = tracked(channels, node, 0)
        weight = needed(facts, node, 1, "weights")
        if len(node.input) > 2 and node.input[2]:
            needed(facts, node, 2, "biases")
        groups = attributes(node).get("group", 1)
        outputs = self._outputs(weight, groups)
        if groups < 1 or len(ids) % groups or outputs % groups:
            raise Opaque("has groups that do not fit its channels")
        if groups > 1 and groups == len(ids) and outputs == groups:
            channels.ids[node.output[0]] = ids
        else:
            fresh = channels.fresh(outputs)
            channels.ids[node.output[0]] = fresh
            if groups > 1:
                channels.group(ids, groups)
                channels.group(fresh, groups)
        channels.convolved(node.input[0], node.output[0])

    def rewrite(self, node: onnx.NodeProto, padding: Padding) -> None:
        inputs, outputs = padding.layouts[node.input[0]], padding.layouts[node.output[0]]
        if not (padding.changes(node.input[0]) or padding.changes(node.output[0])):
            return
        weight, groups = padding.facts.constants[node.input[1]], attributes(node).get("group", 1)
        old_inputs = int((inputs >= 0).sum())
        if groups > 1 and groups == old_inputs and self._outputs(weight, groups) == groups:
            padded = spread(weight, 0, outputs, 0)  # depthwise: a group for every channel
            set_attribute(node, "group", len(outputs))
        else:
            padded = self._spread(weight, inputs, outputs, groups)
        padding.replace(node, 1, padded)
        if len(node.input) > 2 and node.input[2]:
            padding.replace(node, 2, spread(padding.facts.constants[node.input[2]], 0, outputs, 0))

    def _outputs(self, weight: np.ndarray, groups: int) -> int:
        return weight.shape[0]

    def _spread(self, weight: np.ndarray, inputs: np.ndarray, outputs: np.ndarray, groups: int) -> np.ndarray:
        return spread(spread(weight, 0, outputs, 0), 1, inputs[: len(inputs) // groups], 0)


class TransposedConvolution(Convolution):
    """ConvTranspose: weight [in, out / groups, ...]."""

    def _outputs(self, weight: np.ndarray, groups: int) -> int:
        return weight.shape[1] * groups

    def _spread(self, weight: np.ndarray, inputs: np.ndarray, outputs: np.ndarray, groups: int) -> np.ndarray:
        return spread(spread(weight, 0, inputs, 0), 1, outputs[: len(outputs) // groups], 0)


class Normalisation(Keep):
    """BatchNormalization and InstanceNormalization; `fillings` by the position of the constant make 0 of 0."""

    def __init__(self, fillings: dict[int, float]) -> None:
        self._fillings = fillings

    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        for position in self._fillings:
            needed(facts, node, position, "statistics")
        if len([name for name in node.output if name]) > 1 or attributes(node).get("training_mode", 0):
            raise Opaque("is in training mode")
        super().flow(node, facts, channels)

    def rewrite(self, node: onnx.NodeProto, padding: Padding) -> None:
        if padding.changes(node.input[0]):
            for position, filling in self._fillings.items():
                value = padding.facts.constants[node.input[position]]
                padding.replace(node, position, spread(value, 0, padding.layouts[node.input[0]], filling))
