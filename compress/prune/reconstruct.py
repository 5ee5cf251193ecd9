"""Least-squares reconstruction: a convolution that lost inputs learns to make of the others what it made before.

Source: He, Zhang and Sun, Channel Pruning for Accelerating Very Deep Networks (ICCV 2017, arXiv 1707.06168), sec. 3.1:
layer after layer, the inputs are those of the pruned network as reconstructed so far, the targets those of the
unpruned one. No gradient is needed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from compress.channels.flow import ChannelFlow
from compress.nets.detector import Detector
from compress.prune.plan import Plan
from compress.prune.surgery import removed_classes

RIDGE = 1e-2
"""How strongly inherited weights are held, of the inputs' mean variance."""
_ROWS = 8  # equations for each unknown of an output channel, as far as the images have so many


@torch.no_grad()
def reconstruct(
    dense: Detector,
    slim: Detector,
    flow: ChannelFlow,
    plan: Plan,
    batches: Sequence[torch.Tensor],
    ridge: float = RIDGE,
) -> Detector:
    """A copy of `slim`, the cut of `dense` by `plan`, whose convolutions behind removed channels are solved anew.

    `batches` are images as the network sees them, uint8 [B, 3, H, W], RGB. Solved is
    min ||Y - X W||^2 + ridge * v * ||W - W0||^2 for each convolution, with inputs X, the unpruned model's outputs Y,
    inherited weights W0 and the mean variance v of the inputs. An intercept goes into the bias or into the running mean
    of the batch norm behind. Grouped convolutions, which see one channel each, stay as they are.
    """
    gone = removed_classes(flow, plan)
    solved = copy.deepcopy(slim).eval()
    dense = copy.deepcopy(dense).eval()
    for name, layer in flow.convolutions.items():
        convolution = solved.get_submodule(name)
        plain = isinstance(convolution, nn.Conv2d) and convolution.groups == 1
        if plain and np.isin(layer.inputs, gone).any():
            kept = torch.from_numpy(np.flatnonzero(~np.isin(layer.outputs, gone)))
            _solve(dense, solved, name, flow.norm_behind.get(name, ""), kept, batches, ridge)
    return solved


def _solve(
    dense: Detector,
    solved: Detector,
    name: str,
    norm: str,
    kept: torch.Tensor,
    batches: Sequence[torch.Tensor],
    ridge: float,
) -> None:
    convolution: nn.Conv2d = solved.get_submodule(name)  # type: ignore[assignment]
    rows = [*_equations(dense, solved, name, kept, batches)]
    sources, targets = (torch.cat([pair[side] for pair in rows]).double() for side in (0, 1))
    middle, aim = sources.mean(0), targets.mean(0)
    intercept = convolution.bias is not None or bool(norm)
    if intercept:
        sources, targets = sources - middle, targets - aim
    inherited = convolution.weight.flatten(1).double().T
    square = sources.T @ sources / len(sources)
    held = square + torch.eye(len(square), dtype=square.dtype) * (ridge * square.diagonal().mean()).clamp_min(1e-12)
    weight = inherited + torch.linalg.solve(held, sources.T @ targets / len(sources) - square @ inherited)
    convolution.weight.copy_(weight.T.reshape(convolution.weight.shape))
    if convolution.bias is not None:
        convolution.bias.copy_(aim - middle @ weight)
    elif norm:
        before = dense.get_buffer(f"{norm}.running_mean")[kept].double()
        solved.get_buffer(f"{norm}.running_mean").copy_(before + middle @ weight - aim)


def _equations(
    dense: Detector, solved: Detector, name: str, kept: torch.Tensor, batches: Sequence[torch.Tensor]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Inputs [n, in * kh * kw] of the convolution in the pruned model and its outputs [n, out] in the unpruned one, at
    the same random places of the images."""
    convolution: nn.Conv2d = solved.get_submodule(name)  # type: ignore[assignment]
    unknowns = convolution.weight[0].numel()
    each = -(-_ROWS * unknowns // sum(map(len, batches)))
    draw = torch.Generator().manual_seed(0)
    for batch in batches:
        image = batch.float() / 255
        wanted = _seen(dense, name, image)[1][:, kept].flatten(2)  # [B, out, places]
        patches = F.unfold(
            _seen(solved, name, image)[0],
            convolution.kernel_size,
            convolution.dilation,
            convolution.padding,  # type: ignore[arg-type]
            convolution.stride,
        )  # [B, in * kh * kw, places]
        places = torch.randperm(patches.shape[2], generator=draw)[:each]
        yield tuple(side[:, :, places].transpose(1, 2).flatten(0, 1) for side in (patches, wanted))  # type: ignore[misc]


class _Reached(Exception):
    """The layer has been run; what follows need not be."""


def _seen(model: nn.Module, name: str, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A layer's input and output."""
    found: list[torch.Tensor] = []

    def note(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        found.extend((inputs[0], output))
        raise _Reached

    hook = model.get_submodule(name).register_forward_hook(note)
    try:
        model(image)
    except _Reached:
        pass
    finally:
        hook.remove()
    return found[0], found[1]
