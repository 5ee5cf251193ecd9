"""What a model would cost with fewer channels, without building it: the cost of each layer scales with its channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import nn

from compress.channels.flow import ChannelFlow
from compress.nets.detector import Detector

Cost = Callable[[Mapping[str, int]], float]
"""Kept channels by the name of each removable group to the cost of the model that keeps so many."""


def flops_cost(model: nn.Module, flow: ChannelFlow, imgsz: int) -> Cost:
    """Floating-point operations an image of imgsz x imgsz pixels, as ultralytics counts them.

    Layers other than convolutions and norms count at full width, so the estimate is never below the truth.
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
    layers = {**flow.convolutions, **flow.scales()}
    weights = {name: float(model.get_parameter(f"{name}.weight").numel()) for name in layers}
    biases = {name: getattr(model.get_submodule(name), "bias", None) for name in layers}
    alone = [(float(b.numel()), layers[name].outputs) for name, b in biases.items() if isinstance(b, nn.Parameter)]
    alone += [(float(len(classes)), classes) for classes in flow.vectors.values()]
    return _cost(flow, weights, float(sum(p.numel() for p in model.parameters())), alone)


def _cost(
    flow: ChannelFlow, full: Mapping[str, float], total: float, alone: Sequence[tuple[float, np.ndarray]] = ()
) -> Cost:
    """`full` shrinks with a layer's outputs and inputs, what is `alone` with its own channels, the rest of `total`
    stays."""
    groups = flow.removable()
    column = {int(c): i for i, group in enumerate(groups) for c in group.classes}
    width = np.array([len(group.classes) for group in groups], float)
    none = np.empty(0, np.int64)
    rows: list[tuple[float, np.ndarray, np.ndarray]] = []
    for name, layer in flow.convolutions.items():
        rows.append((full.get(name, 0.0), layer.outputs, none if layer.depthwise else layer.inputs))
    for name, layer in flow.scales().items():
        rows.append((full.get(name, 0.0), layer.outputs, none))
    rows += [(value, channels, none) for value, channels in alone]
    values = np.array([value for value, _, _ in rows])
    outputs = np.array([_parts(column, channels, len(groups)) for _, channels, _ in rows])
    inputs = np.array([_parts(column, channels, len(groups)) for _, _, channels in rows])
    rest = total - float(values.sum())

    def cost(kept: Mapping[str, int]) -> float:
        gone = 1 - np.array([kept[group.name] for group in groups], float) / width
        return float(rest + values @ ((1 - outputs @ gone) * (1 - inputs @ gone)))

    return cost


def _parts(column: Mapping[int, int], channels: np.ndarray, groups: int) -> np.ndarray:
    """The share of a layer's channels that each group has, float64 [groups]."""
    found = np.zeros(groups)
    for c in channels.tolist():
        if c in column:
            found[column[c]] += 1 / len(channels)
    return found


def _flatten(tree: Mapping[str, tuple[float, float, dict]], prefix: str, into: dict[str, float]) -> None:
    for name, (operations, _, inner) in tree.items():
        into[f"{prefix}{name}"] = operations
        _flatten(inner, f"{prefix}{name}.", into)
