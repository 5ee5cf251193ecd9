"""What a quantisation is: the layers, how their inputs are quantised, and their whole-number weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compress.quantize.arithmetic import Activation, QuantizedWeights
from compress.quantize.layers import Layer


@dataclass(frozen=True)
class Quantization:
    """`activations` by tensor, `weights` by the name of the layer; `layers` are all convolutions of the graph."""

    layers: list[Layer]
    activations: Mapping[str, Activation]
    weights: Mapping[str, QuantizedWeights]

    @property
    def whole(self) -> list[Layer]:
        """The layers that compute on int8."""
        return [layer for layer in self.layers if not layer.kept]

    @property
    def share(self) -> float:
        """The share of all convolutions' multiply-adds that is int8, 0..1."""
        return sum(layer.macs for layer in self.whole) / (sum(layer.macs for layer in self.layers) or 1)

    def only(self, names: set[str]) -> Quantization:
        """The same with these layers alone on int8."""
        layers = [
            layer if layer.kept or layer.name in names else _float(layer, "it is left out on trial")
            for layer in self.layers
        ]
        return Quantization(layers, self.activations, self.weights)

    def without(self, names: Mapping[str, str]) -> Quantization:
        """The same with these layers in float, for the reason given."""
        layers = [_float(layer, names[layer.name]) if layer.name in names else layer for layer in self.layers]
        return Quantization(layers, self.activations, self.weights)


def _float(layer: Layer, reason: str) -> Layer:
    from dataclasses import replace

    return replace(layer, kept=reason)
