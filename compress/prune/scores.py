"""How much a channel matters: the scores that the choice of channels compares, one value a channel of every group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Callable

import numpy as np
import torch
from torch import nn

from compress.channels.flow import ChannelFlow
from compress.channels.layers import Group, Layer

Scores = Mapping[str, np.ndarray]
"""Group name to float64 [width], 0 or more; groups that are pinned have none."""


def gamma_scores(model: nn.Module, flow: ChannelFlow) -> Scores:
    """|gamma| (Liu et al. 2017, arXiv 1708.06519), the largest where several batch norms share the channel.

    A channel goes silent only when all of its gammas are small. A layer norm's weights count as gammas. A convolution
    without a norm has none: what stands for its gamma is the deviation of its output where its inputs vary
    independently by their gammas.
    """
    scales = flow.scales()
    values = {name: _values(model.get_parameter(f"{name}.weight")) for name in _norms(flow)}
    found = {group.name: _spread(scales, group.norms, values, group, np.maximum) for group in flow.removable()}
    deviations = _deviations(model, flow)
    for group in flow.removable():
        names = sorted(_unscaled(flow).intersection(group.convolutions))
        made = _spread(flow.convolutions, names, deviations, group, np.maximum)
        found[group.name] = np.maximum(found[group.name], made)
    return found


def filter_scores(model: nn.Module, flow: ChannelFlow, order: int) -> Scores:
    """The L1 (`order` 1) or L2 (2) norm of the filters that make a channel (Li et al. 2017, arXiv 1608.08710).

    The norms of all convolutions that share the channel add up (L2: in squares), each times the layer scale behind it.
    A filter's norm grows with its number of weights, so each group is divided by its mean: what competes across layers
    is how far a channel lies below the others of its own layer.
    """
    result = {}
    for group in flow.removable():
        values = {name: _filters(model, flow, name, order) for name in group.convolutions}
        total = _spread(flow.convolutions, group.convolutions, values, group, np.add)
        score = total if order == 1 else np.sqrt(total)
        result[group.name] = score / max(float(score.mean()), np.finfo(float).tiny)
    return result


def group_scores(model: nn.Module, flow: ChannelFlow) -> Scores:
    """The L2 norm of every value that goes with a channel: the filters and gammas that make it, and the slices that
    take it in all convolutions behind (Fang et al. 2023, DepGraph, arXiv 2301.12900, section 3.3).

    Divided by its group's mean, as `filter_scores` is.
    """
    result = {}
    for group in flow.removable():
        made = {name: _filters(model, flow, name, 2) for name in group.convolutions}
        gammas = {name: np.square(_values(model.get_parameter(f"{name}.weight"))) for name in group.norms}
        total = _spread(flow.convolutions, group.convolutions, made, group, np.add)
        total += _spread(flow.scales(), group.norms, gammas, group, np.add)
        total += _taken(model, flow, group)
        score = np.sqrt(total)
        result[group.name] = score / max(float(score.mean()), np.finfo(float).tiny)
    return result


def taylor_scores(model: nn.Module, flow: ChannelFlow, losses: Iterable[torch.Tensor]) -> Scores:
    """The first-order estimate of what removing a channel does to the loss (Molchanov et al. 2019, arXiv 1906.10771).

    At a norm the gate's gradient is gamma dE/dgamma + beta dE/dbeta; its square is averaged over the batches and summed
    over the norms that share the channel; where there is none, a convolution's filters and bias stand for gamma and
    beta. `losses` yields the scalar loss of one batch after another,
    each computed by `model` with gradients enabled. Gradients of the model are overwritten.
    """
    scales = flow.scales()
    sums = {name: np.zeros(len(scales[name].outputs)) for name in _norms(flow)}
    sums |= {name: np.zeros(len(flow.convolutions[name].outputs)) for name in _unscaled(flow)}
    batches = 0
    for loss in losses:
        model.zero_grad(set_to_none=True)
        loss.backward()
        batches += 1
        for name, total in sums.items():
            total += np.square(_gate_gradient(model, flow, name))
    model.zero_grad(set_to_none=True)
    for total in sums.values():
        total /= max(1, batches)
    return {
        group.name: _spread(scales, group.norms, sums, group, np.add)
        + _spread(flow.convolutions, list(_unscaled(flow).intersection(group.convolutions)), sums, group, np.add)
        for group in flow.removable()
    }


def _spread(
    layers: Mapping[str, Layer],
    names: list[str],
    values: Mapping[str, np.ndarray],
    group: Group,
    combine: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """What the layers say of their own channels, combined for each class of the group: float64 [width]."""
    position = {int(c): i for i, c in enumerate(group.classes)}
    result = np.zeros(len(group.classes))
    for name in names:
        outputs = layers[name].outputs
        places = np.array([position.get(int(c), -1) for c in outputs])
        mine = places >= 0
        combine.at(result, places[mine], values[name][mine])  # type: ignore[attr-defined]
    return result


def _taken(model: nn.Module, flow: ChannelFlow, group: Group) -> np.ndarray:
    """The squares of the weights that take each class of the group as an input, summed: float64 [width]."""
    position = {int(c): i for i, c in enumerate(group.classes)}
    result = np.zeros(len(group.classes))
    for name, layer in flow.convolutions.items():
        places = np.array([position.get(int(c), -1) for c in layer.inputs])
        if layer.depthwise or not (places >= 0).any():
            continue
        weight = layer.outputs_first(model.get_parameter(f"{name}.weight").detach().double().cpu())
        if weight.shape[1] == len(layer.inputs):  # grouped convolutions have their inputs by group, and are pinned
            each = weight.square().sum((0, 2, 3)).numpy()
            np.add.at(result, places[places >= 0], each[places >= 0])
    return result


def _norms(flow: ChannelFlow) -> list[str]:
    return [name for group in flow.removable() for name in group.norms]


def _unscaled(flow: ChannelFlow) -> frozenset[str]:
    """The convolutions whose outputs no norm's weight stands for."""
    return flow.bare - flow.normalised


def _gate_gradient(model: nn.Module, flow: ChannelFlow, name: str) -> np.ndarray:
    """The gradient of a factor 1 on each channel that the layer puts out, float64 [out]."""
    total = np.zeros(1)
    for parameter in model.get_submodule(name).parameters(recurse=False):
        if parameter.grad is not None:
            products = (parameter.detach() * parameter.grad).double().cpu()
            if products.dim() > 1:
                products = flow.convolutions[name].outputs_first(products).flatten(1).sum(1)
            total = total + products.numpy()
    return total


def _deviations(model: nn.Module, flow: ChannelFlow) -> dict[str, np.ndarray]:
    """For each convolution without a norm the deviation of its outputs, float64 [out], where every input has that of
    its largest gamma, of the convolution without a norm that makes it, or 1 without either.
    """
    gammas: dict[int, float] = {}
    for norm in flow.scales().values():
        for c, gamma in zip(norm.outputs.tolist(), _values(model.get_parameter(f"{norm.name}.weight")), strict=True):
            gammas[c] = max(gammas.get(c, 0.0), float(gamma))
    found: dict[str, np.ndarray] = {}
    for name, layer in flow.convolutions.items():
        if name in _unscaled(flow):
            inputs = np.square([gammas.get(c, 1.0) for c in layer.inputs.tolist()])
            weight = layer.outputs_first(model.get_parameter(f"{name}.weight").detach().double().cpu())
            squares = weight.square().sum((2, 3)).numpy()
            strides = float(np.prod(model.get_submodule(name).stride)) if layer.transposed else 1.0  # type: ignore[arg-type]
            made = squares[:, 0] * inputs if layer.depthwise else squares @ inputs
            found[name] = np.sqrt(made / strides) * _scale_of(model, flow, name)
            for c, deviation in zip(layer.outputs.tolist(), found[name].tolist(), strict=True):
                gammas.setdefault(c, deviation)
    return found


def _scale_of(model: nn.Module, flow: ChannelFlow, name: str) -> np.ndarray:
    """The factor by which a convolution's outputs are multiplied, float64 [out], or [1] where there is none."""
    vector = flow.scale_behind.get(name)
    return _values(model.get_parameter(vector)) if vector else np.ones(1)


def _filters(model: nn.Module, flow: ChannelFlow, name: str, order: int) -> np.ndarray:
    weight = model.get_parameter(f"{name}.weight").detach().double().cpu()
    weight = flow.convolutions[name].outputs_first(weight)
    return weight.flatten(1).abs().pow(order).sum(1).numpy() * _scale_of(model, flow, name) ** order


def _values(parameter: torch.Tensor) -> np.ndarray:
    return np.abs(_signed(parameter))


def _signed(values: torch.Tensor) -> np.ndarray:
    return values.detach().double().cpu().numpy()
