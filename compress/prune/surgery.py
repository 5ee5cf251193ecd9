"""Applies a plan: cuts the channels out, and proves on the way that the cut model computes what the masked one does."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from compress.channels.flow import ChannelFlow
from compress.channels.layers import Layer
from compress.nets.detector import Detector
from compress.nets.load_tensors import load_tensors
from compress.prune.attention_scale import as_scaled, keep_scale
from compress.prune.plan import Plan
from deploy.errors import ModelError

TOLERANCE = 1e-9
PROOF_SIDE = 128  # pixels, a multiple of every stride; a wrong cut shows at any size


def mask(model: Detector, flow: ChannelFlow, plan: Plan) -> Detector:
    """A copy at full width, in float64, in which every removed channel is silent."""
    gone = removed_classes(flow, plan)
    masked = copy.deepcopy(model)
    silence(masked, flow, gone)
    masked.double()
    as_scaled(masked, flow, gone)
    return masked


@torch.no_grad()
def silence(model: nn.Module, flow: ChannelFlow, gone: np.ndarray) -> None:
    """Set gamma and beta of these channel classes, int64 [n], to 0 in the model itself, and the weights and biases that
    make them where no batch norm does: a layer norm takes what it is given for its statistics.
    """
    for name, layer in flow.scales().items():
        norm = model.get_submodule(name)
        silent = torch.from_numpy(np.isin(layer.outputs, gone)).to(norm.weight.device)  # type: ignore[arg-type]
        norm.weight[silent] = 0  # type: ignore[operator]
        norm.bias[silent] = 0  # type: ignore[operator]
    for name in flow.bare:
        silence_bare(model, flow.convolutions[name], gone, bias=True)


@torch.no_grad()
def silence_bare(model: nn.Module, layer: Layer, gone: np.ndarray, bias: bool) -> None:
    """Set the weights that make a layer's channels of these classes to 0, and their biases where that is wanted."""
    convolution = model.get_submodule(layer.name)
    silent = torch.from_numpy(np.isin(layer.outputs, gone)).to(convolution.weight.device)  # type: ignore[arg-type]
    layer.outputs_first(convolution.weight)[silent] = 0  # type: ignore[arg-type]
    if bias and isinstance(convolution.bias, torch.Tensor):
        convolution.bias[silent] = 0


def cut(model: Detector, flow: ChannelFlow, plan: Plan) -> Detector:
    """A copy without the removed channels. Weights of what stays are unchanged."""
    gone = removed_classes(flow, plan)
    tensors = dict(model.state_dict())
    for name, layer in flow.convolutions.items():
        keep_out = torch.from_numpy(np.flatnonzero(~np.isin(layer.outputs, gone)))
        keep_in = torch.from_numpy(np.flatnonzero(~np.isin(layer.inputs, gone)))
        weight = layer.outputs_first(tensors[f"{name}.weight"])[keep_out]
        # a grouped convolution has its inputs by group: pinned on both sides, or one a channel (depthwise)
        weight = weight[:, keep_in] if weight.shape[1] == len(layer.inputs) else weight
        tensors[f"{name}.weight"] = layer.outputs_first(weight)
        if f"{name}.bias" in tensors:
            tensors[f"{name}.bias"] = tensors[f"{name}.bias"][keep_out]
    for name, layer in flow.norms.items():
        keep = torch.from_numpy(np.flatnonzero(~np.isin(layer.outputs, gone)))
        for part in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"{name}.{part}"] = tensors[f"{name}.{part}"][keep]
    for name, layer in flow.layer_norms.items():
        keep = torch.from_numpy(np.flatnonzero(~np.isin(layer.outputs, gone)))
        for part in ("weight", "bias"):
            tensors[f"{name}.{part}"] = tensors[f"{name}.{part}"][keep]
    for name, classes in flow.vectors.items():
        tensors[name] = tensors[name][torch.from_numpy(np.flatnonzero(~np.isin(classes, gone)))]
    slim = copy.deepcopy(model)
    load_tensors(slim, tensors, "the pruned model")
    keep_scale(model, slim)
    return slim


def largest_difference(masked: nn.Module, slim: nn.Module, imgsz: int, seed: int = 0) -> float:
    """The largest difference of the two models' outputs on a random image, relative to the outputs' largest value.

    Both run in eval mode on [1, 3, imgsz, imgsz] in float64, where a right cut differs by rounding alone (about 1e-15)
    and a wrong one stands out even in a model that damps its signals. NaN where an output is not finite.
    """
    image = torch.rand(1, 3, imgsz, imgsz, generator=torch.Generator().manual_seed(seed)).double()
    with torch.no_grad():
        expected, found = (copy.deepcopy(model).double().eval()(image) for model in (masked, slim))
    scale = torch.stack([e.abs().max() for e in expected]).max()
    gaps = torch.stack([(e - f).abs().max() for e, f in zip(expected, found, strict=True)])
    return float(gaps.max() / scale.clamp_min(torch.finfo(scale.dtype).tiny))


def prune(model: Detector, flow: ChannelFlow, plan: Plan) -> tuple[Detector, float]:
    """The cut model and its largest relative difference from the masked one.

    Raises ModelError when that is above TOLERANCE, which would be a fault of the channel flow.
    """
    slim = cut(model, flow, plan)
    try:
        difference = largest_difference(mask(model, flow, plan), slim, PROOF_SIDE)
    except RuntimeError as error:
        raise ModelError(f"the pruned model cannot run ({(str(error).splitlines() or [''])[0]})") from None
    if not difference <= TOLERANCE:
        raise ModelError(f"the pruned model differs from the masked one by {difference:.2e}, more than {TOLERANCE:.0e}")
    return slim, difference


def removed_classes(flow: ChannelFlow, plan: Plan) -> np.ndarray:
    """The channel classes that the plan removes, int64 [n]."""
    classes = {group.name: group.classes for group in flow.groups}
    parts = [classes[group.name][group.removed] for group in plan.groups]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
