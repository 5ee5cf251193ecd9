"""Blocks of at most two convolutions with their activations, as torch computes them: what learns at one time."""

from __future__ import annotations

from dataclasses import dataclass

import onnx
import torch
from torch import nn
from torch.nn import functional

from compress.graph.graph_facts import GraphFacts, attributes
from compress.quantize.layers import Layer

NONE, SILU, RELU, LEAKY = "none", "silu", "relu", "leaky"


@dataclass(frozen=True)
class Step:
    """A convolution with its activation, whose `result` is the tensor behind it."""

    layer: Layer
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilation: tuple[int, int]
    activation: str
    slope: float
    result: str

    def convolved(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """[n, in, h, w] through the convolution with other weights, and the activation."""
        top, left, bottom, right = self.pads
        x = functional.pad(x, (left, right, top, bottom))
        y = functional.conv2d(x, weight, bias, self.stride, 0, self.dilation, self.layer.group)
        if self.activation == SILU:
            return functional.silu(y)
        if self.activation == RELU:
            return functional.relu(y)
        return functional.leaky_relu(y, self.slope) if self.activation == LEAKY else y


def blocks(facts: GraphFacts, layers: list[Layer]) -> list[list[Step]]:
    """The int8 layers in the order of the graph, two together where the second takes what the first alone gives it."""
    nodes = {node.output[0]: node for node in facts.graph.node if node.op_type == "Conv"}
    steps = [_step(facts, nodes[layer.result], layer) for layer in layers if not layer.kept]
    found: list[list[Step]] = []
    for step in steps:
        last = found[-1] if found else []
        if len(last) == 1 and step.layer.source == last[0].result:
            last.append(step)
        else:
            found.append([step])
    return found


def _step(facts: GraphFacts, node: onnx.NodeProto, layer: Layer) -> Step:
    values = attributes(node)
    kind, slope, result = _activation(facts, node.output[0])
    stride, dilation = values.get("strides", [1, 1]), values.get("dilations", [1, 1])
    pads = values.get("pads", [0, 0, 0, 0])
    return Step(layer, tuple(stride), tuple(pads), tuple(dilation), kind, slope, result)


def _activation(facts: GraphFacts, tensor: str) -> tuple[str, float, str]:
    takers = facts.takers[tensor]
    kinds = sorted(node.op_type for node in takers)
    if tensor in facts.outputs:
        return NONE, 0.0, tensor
    if kinds == ["Mul", "Sigmoid"]:
        gate, product = sorted(takers, key=lambda node: node.op_type, reverse=True)
        if set(product.input) == {tensor, gate.output[0]} and len(facts.takers[gate.output[0]]) == 1:
            return SILU, 0.0, product.output[0]
    if kinds == ["Relu"]:
        return RELU, 0.0, takers[0].output[0]
    if kinds == ["LeakyRelu"]:
        return LEAKY, float(attributes(takers[0]).get("alpha", 0.01)), takers[0].output[0]
    return NONE, 0.0, tensor


class RoundThrough(torch.autograd.Function):
    """Rounds to the nearest even number, and lets gradients through as they are."""

    @staticmethod
    def forward(context: object, x: torch.Tensor) -> torch.Tensor:
        return torch.round(x)

    @staticmethod
    def backward(context: object, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


def rounded(x: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = RoundThrough.apply(x)
    return found


class FakeQuant(nn.Module):
    """An activation as int8 has it; `stretch` (0 at first) is the logarithm of what its scale is multiplied by."""

    def __init__(self, scale: float, offset: int, learns: bool) -> None:
        super().__init__()
        self._scale, self.offset = scale, offset
        self.stretch = nn.Parameter(torch.zeros(()), requires_grad=learns)

    @property
    def scale(self) -> torch.Tensor:
        return self._scale * torch.exp(self.stretch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.scale
        return (torch.clamp(rounded(x / scale) + self.offset, -128, 127) - self.offset) * scale
