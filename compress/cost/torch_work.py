"""The work of a torch model, read off one pass of shapes: no tensor has values, so it takes a fraction of a second."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from compress.cost.work import Work, convolution, movement, product, transposed
from compress.nets.detector import Detector

_PRODUCTS = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1}
"""By name, and which argument is the first factor."""
# Batch norms are folded into convolutions and activations are fused with them; views cost nothing.
_MOVES = {
    "add", "mul", "cat", "max_pool2d_with_indices", "avg_pool2d", "upsample_nearest2d", "_softmax", "clone",
    "constant_pad_nd", "topk", "gather", "stack", "sum",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One operator that a model executes.

    `kind` is "conv", "transposed" (a convolution), "matmul" or the name of one that moves data; `shapes` are those of
    its weight and source (both convolutions), its factors (matmul) or its sources, with the result's last.
    """

    name: str
    kind: str
    groups: int
    shapes: tuple[tuple[int, ...], ...]

    def work(self) -> Work:
        *sources, result = self.shapes
        if self.kind == "conv":
            weight, source = sources
            # a depthwise convolution has as many groups as channels, however many those are
            groups = self.groups if weight[1] * self.groups == source[1] else source[1] // weight[1]
            return convolution(self.name, weight, groups, source, result)
        if self.kind == "transposed":
            weight, source = sources
            return transposed(self.name, weight, source[1] // (weight[0] // self.groups), source, result)
        if self.kind == "matmul":
            return product(self.name, *sources)
        return movement(self.name, self.kind, sources, result)


def work_of(model: nn.Module, imgsz: int) -> list[Work]:
    """The operators of `model` for one image [1, 3, imgsz, imgsz], in the order of their execution.

    An activation counts as part of the convolution before it. Of a detector what a board runs is counted. The model is
    not changed.
    """
    return [entry.work() for entry in asked_of(model, imgsz)]


def asked_of(model: nn.Module, imgsz: int) -> list[Asked]:
    """The same operators by what they are given."""
    if isinstance(model, Detector):
        model = model.deployed()
    shapes_only = copy.deepcopy(model).eval().requires_grad_(False).to("meta")
    for module in list(shapes_only.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())  # it is folded, and most of what such a pass would cost
    names = {id(parameter): name for name, parameter in shapes_only.named_parameters()}
    with torch.no_grad(), _Recorder(names) as recorder:
        shapes_only(torch.empty(1, 3, imgsz, imgsz, device="meta"))
    return recorder.asked


class _Recorder(TorchDispatchMode):
    """Notes every operator that computes or moves data; `names` says which parameter is which, by its id."""

    def __init__(self, names: Mapping[int, str]) -> None:
        super().__init__()
        self._names = names
        self.asked: list[Asked] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        operator = function.overloadpacket.__name__.rstrip("_")
        result = out[0] if isinstance(out, (tuple, list)) else out
        if not isinstance(result, torch.Tensor):
            return out
        title = f"{operator}_{len(self.asked)}"
        if operator == "convolution":
            source, weight, groups = args[0], args[1], args[8]
            name = self._names.get(id(weight), title).removesuffix(".weight")
            kind = "transposed" if args[6] else "conv"
            self._note(name, kind, [weight.shape, source.shape, result.shape], groups)
        elif operator in _PRODUCTS:
            left, right = args[_PRODUCTS[operator] :][:2]
            self._note(title, "matmul", [left.shape, right.shape, result.shape])
        elif operator == "native_layer_norm":  # on the last axis: on the chip channels are brought there and back
            images, places, channels = args[0].shape[0], args[0].shape[1:-1], args[0].shape[-1]
            shape = (images, channels, *places)
            for kind in ("transpose", "layer_norm", "transpose"):
                self._note(title, kind, [shape, shape])
        elif operator in _MOVES:
            kind = operator.removesuffix("_with_indices").strip("_")
            self._note(title, kind, [*_shapes(args), result.shape])
        return out

    def _note(self, name: str, kind: str, shapes: Sequence[Sequence[int]], groups: int = 1) -> None:
        self.asked.append(Asked(name, kind, groups, tuple(tuple(shape) for shape in shapes)))


def _shapes(args: Sequence[Any]) -> list[Sequence[int]]:
    flat = [value for part in args for value in (part if isinstance(part, (tuple, list)) else (part,))]
    return [value.shape for value in flat if isinstance(value, torch.Tensor)]
