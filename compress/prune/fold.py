"""What a removed channel still said: the constant act(beta) that it emits at gamma 0 moves into the layers behind it.

Exact inside an image and wrong at the zero-padded border of convolutions wider than one pixel (docs/adr/0007).
"""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import torch
from torch import nn

from compress.channels.flow import ChannelFlow, example_image
from compress.nets.detector import Detector
from compress.prune.plan import Plan
from compress.prune.surgery import removed_classes, silence_bare


def fold_constants(model: Detector, flow: ChannelFlow, plan: Plan) -> Detector:
    """A copy at full width, ready to be cut: removed gammas are 0, and what those channels then emit is folded.

    A convolution that takes such a channel gets the constant's contribution into its bias or, without one, into the
    running mean of the batch norm behind it. Where it has neither, the constant is lost.
    """
    gone = removed_classes(flow, plan)
    folded = copy.deepcopy(model).eval()
    with torch.no_grad():
        for name, layer in flow.scales().items():
            folded.get_parameter(f"{name}.weight")[torch.from_numpy(np.isin(layer.outputs, gone))] = 0
        for name in flow.bare:
            silence_bare(folded, flow.convolutions[name], gone, bias=False)
        emitted = _emitted(folded, flow)
        for name, layer in flow.convolutions.items():
            silent = torch.from_numpy(np.isin(layer.inputs, gone))
            # what a depthwise convolution makes of a removed channel is removed as well
            if silent.any() and not layer.depthwise:
                weight = layer.outputs_first(folded.get_parameter(f"{name}.weight"))[:, silent].sum((2, 3))
                if layer.transposed:  # its kernel is spread over the pixels that it makes of one; their mean is moved
                    weight = weight / float(np.prod(folded.get_submodule(name).stride))  # type: ignore[arg-type]
                _move(folded, flow, name, weight @ emitted[name][silent])
    return folded


def _move(model: nn.Module, flow: ChannelFlow, convolution: str, constant: torch.Tensor) -> None:
    bias = model.get_submodule(convolution).bias
    norm = flow.norm_behind.get(convolution)
    if isinstance(bias, torch.Tensor):
        bias += constant
    elif norm:
        mean = model.get_buffer(f"{norm}.running_mean")
        mean -= constant


def _emitted(model: nn.Module, flow: ChannelFlow) -> dict[str, torch.Tensor]:
    """For each convolution its input [in] at one pixel: for a channel of constant value, that constant."""
    seen: dict[str, torch.Tensor] = {}

    def note(name: str, _: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen[name] = inputs[0][0, :, 0, 0].clone()

    hooks = [model.get_submodule(name).register_forward_pre_hook(partial(note, name)) for name in flow.convolutions]
    model(example_image(model))
    for hook in hooks:
        hook.remove()
    return seen
