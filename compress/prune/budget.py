"""What a model would cost with fewer channels, without building it: the cost of each layer scales with its channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from compress.channels.flow import ChannelFlow
from compress.nets.detector import Detector

Cost = Callable[[Mapping[str, int]], float]
"""Kept channels by the name of each removable group to the cost of the model that keeps so many."""


@dataclass(frozen=True)
class _Share:
    """A layer's cost at full width and how it shrinks: with which groups its outputs and inputs go."""

    full: float
    outputs: dict[str, int]
    inputs: dict[str, int]
    out_width: int
    in_width: int


def flops_cost(model: nn.Module, flow: ChannelFlow, imgsz: int) -> Cost:
    """Floating-point operations an image of imgsz x imgsz pixels, as ultralytics counts them.

    Layers other than convolutions and batch norms count at full width, so the estimate is never below the truth.
    """
    import copy

    import thop

    counted = model.counted() if isinstance(model, Detector) else model
    image = torch.zeros(1, 3, imgsz, imgsz)
    total, _, tree = thop.profile(
        copy.deepcopy(counted).float().eval(), inputs=[image], verbose=False, ret_layer_info=True
    )
    operations: dict[str, float] = {}
    _flatten(tree, "", operations)
    return _cost(flow, {name: 2 * value for name, value in operations.items()}, 2 * total)


def params_cost(model: nn.Module, flow: ChannelFlow) -> Cost:
    """The number of trainable values; exact."""
    names = [*flow.convolutions, *flow.norms]
    weights = {name: float(model.get_parameter(f"{name}.weight").numel()) for name in names}
    biases = {
        name: float(bias.numel())
        for name in names
        if isinstance(bias := getattr(model.get_submodule(name), "bias", None), nn.Parameter)
    }
    return _cost(flow, weights, float(sum(p.numel() for p in model.parameters())), biases)


def _cost(
    flow: ChannelFlow, full: Mapping[str, float], total: float, biases: Mapping[str, float] | None = None
) -> Cost:
    """`full` shrinks with a layer's outputs and inputs, `biases` with its outputs alone, the rest of `total` stays."""
    owner = {int(c): group.name for group in flow.removable() for c in group.classes}
    none = np.empty(0, np.int64)
    shares = []
    for name, layer in flow.convolutions.items():
        inputs = none if layer.depthwise else layer.inputs
        shares.append(_share(owner, full.get(name, 0.0), layer.outputs, inputs))
    for name, layer in flow.norms.items():
        shares.append(_share(owner, full.get(name, 0.0), layer.outputs, none))
    for name, value in (biases or {}).items():
        layer = flow.convolutions.get(name) or flow.norms[name]
        shares.append(_share(owner, value, layer.outputs, none))
    rest = total - sum(share.full for share in shares)
    width = {group.name: len(group.classes) for group in flow.removable()}

    def cost(kept: Mapping[str, int]) -> float:
        gone = {name: 1 - kept[name] / width[name] for name in width}
        return rest + sum(
            share.full * _left(share.outputs, share.out_width, gone) * _left(share.inputs, share.in_width, gone)
            for share in shares
        )

    return cost


def _share(owner: Mapping[int, str], full: float, outputs: np.ndarray, inputs: np.ndarray) -> _Share:
    return _Share(full, _count(owner, outputs), _count(owner, inputs), len(outputs), len(inputs))


def _count(owner: Mapping[int, str], channels: np.ndarray) -> dict[str, int]:
    return dict(Counter(owner[c] for c in channels.tolist() if c in owner))


def _left(places: Mapping[str, int], width: int, gone: Mapping[str, float]) -> float:
    return 1.0 if not width else 1 - sum(count * gone[name] for name, count in places.items()) / width


def _flatten(tree: Mapping[str, tuple[float, float, dict]], prefix: str, into: dict[str, float]) -> None:
    for name, (operations, _, inner) in tree.items():
        into[f"{prefix}{name}"] = operations
        _flatten(inner, f"{prefix}{name}.", into)
