"""What each layer costs on int8: alone, and together with all the layers that cost less."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from compress.quantize.compared import Agreement, agreement
from compress.quantize.quantization import Quantization
from compress.quantize.runnable import quantised_outputs


@dataclass(frozen=True)
class Cost:
    """One layer: the agreement with the float model with it alone on int8, and with it and all cheaper ones (None where
    that was not asked for)."""

    layer: str
    macs: int
    alone: Agreement
    together: Agreement | None = None

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {"layer": self.layer, "macs": self.macs}
        for name, found in (("alone", self.alone), ("together", self.together)):
            if found is not None:
                row[name] = {"snr_db": found.snr, "cosine": found.cosine, "lost": found.lost}
        return row


def layer_costs(
    model: onnx.ModelProto,
    quantization: Quantization,
    images: Sequence[np.ndarray],
    before: Sequence[Sequence[np.ndarray]],
    classes: int,
    together: bool = True,
    step: Callable[[], None] = lambda: None,
) -> list[Cost]:
    """All int8 layers, the most sensitive (lowest signal to noise alone) first; `before` are the float outputs."""

    def tried(names: set[str]) -> Agreement:
        step()
        return agreement(before, quantised_outputs(model, quantization.only(names), images), classes)

    costs = [Cost(layer.name, layer.macs, tried({layer.name})) for layer in quantization.whole]
    costs.sort(key=lambda cost: cost.alone.snr)
    if not together:
        return costs
    names: set[str] = set()
    found = []
    for cost in reversed(costs):
        names.add(cost.layer)
        found.append(Cost(cost.layer, cost.macs, cost.alone, tried(set(names))))
    return found[::-1]
