"""The work of a torch model, read off one pass of shapes: no tensor has values, so it takes a fraction of a second."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from compress.cost.work import Work, convolution, movement, product

_PRODUCTS = {"mm", "bmm"}
# Batch norms are folded into convolutions and activations are fused with them; views cost nothing.
_MOVES = {"add", "mul", "cat", "max_pool2d_with_indices", "avg_pool2d", "upsample_nearest2d", "_softmax", "clone"}


def work_of(model: nn.Module, imgsz: int) -> list[Work]:
    """The operators of `model` for one image [1, 3, imgsz, imgsz], in the order of their execution.

    An activation counts as part of the convolution before it. The model is not changed.
    """
    shapes_only = copy.deepcopy(model).eval().requires_grad_(False).to("meta")
    names = {id(parameter): name for name, parameter in shapes_only.named_parameters()}
    with torch.no_grad(), _Recorder(names) as recorder:
        shapes_only(torch.empty(1, 3, imgsz, imgsz, device="meta"))
    return recorder.works


class _Recorder(TorchDispatchMode):
    """Notes every operator that computes or moves data; `names` says which parameter is which, by its id."""

    def __init__(self, names: Mapping[int, str]) -> None:
        super().__init__()
        self._names = names
        self.works: list[Work] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        operator = function.overloadpacket.__name__.rstrip("_")
        result = out[0] if isinstance(out, (tuple, list)) else out
        if not isinstance(result, torch.Tensor):
            return out
        title = f"{operator}_{len(self.works)}"
        if operator == "convolution":
            source, weight, groups = args[0], args[1], args[8]
            name = self._names.get(id(weight), title).removesuffix(".weight")
            self.works.append(convolution(name, weight.shape, groups, source.shape, result.shape))
        elif operator in _PRODUCTS:
            self.works.append(product(title, args[0].shape, args[1].shape))
        elif operator in _MOVES:
            kind = operator.removesuffix("_with_indices").strip("_")
            self.works.append(movement(title, kind, _shapes(args), result.shape))
        return out


def _shapes(args: Sequence[Any]) -> list[Sequence[int]]:
    flat = [value for part in args for value in (part if isinstance(part, (tuple, list)) else (part,))]
    return [value.shape for value in flat if isinstance(value, torch.Tensor)]
