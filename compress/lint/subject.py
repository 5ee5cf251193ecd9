"""What is looked at: the graph, the chip and the CANN version it is meant for, and the bundle it lies in."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from compress.graph.graph_facts import GraphFacts
from deploy.atc.cann import newest_opset
from deploy.bundle import Bundle


@dataclass(frozen=True)
class Subject:
    """`name` is the model's file as sentences call it; `bundle` is None for a model outside a bundle."""

    facts: GraphFacts
    name: str
    cann: str
    soc: str
    bundle: Bundle | None = None

    @property
    def newest(self) -> int:
        """The newest opset that this CANN reads."""
        return newest_opset(self.cann)

    def input(self) -> onnx.ValueInfoProto | None:
        """The image, where the graph has one input."""
        values = [value for value in self.facts.graph.input if value.name in self.facts.inputs]
        return values[0] if len(values) == 1 else None

    def image_size(self) -> tuple[int, int] | None:
        """Height and width of the input, where it is float32 [1, 3, H, W] with fixed H and W."""
        value = self.input()
        if value is None or value.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
            return None
        shape = self.facts.shapes.get(value.name) or []
        if len(shape) != 4 or shape[0] not in (None, 1) or shape[1] != 3 or not (shape[2] and shape[3]):
            return None
        return shape[2], shape[3]
