"""What every family of detectors offers: raw outputs, its loss, and its boxes. Training, validation, pruning and export
know detectors through this alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from deploy.errors import UsageError
from deploy.postprocess.mapping import Geometry

Loss = Callable[[list[torch.Tensor], torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Raw outputs and targets [n, 6] (image index, class, cx, cy, w, h as fractions of the image) to the loss of the
batch, summed over its images, and its detached parts [len(loss_parts)]. A loss that changes in the course of a run has
a method `start_epoch(epoch, epochs)`, which the loop calls with the epoch's number from 0 and their number."""


Gains = TypeVar("Gains")


def with_gains(defaults: Gains, gains: Mapping[str, float] | None) -> Gains:
    """The dataclass `defaults` with some entries replaced. Raises UsageError for a name it does not have."""
    known = [field.name for field in fields(defaults)]  # type: ignore[arg-type]
    for name in gains or {}:
        if name not in known:
            raise UsageError(f"the loss has no gain '{name}', expected one of {', '.join(known)}")
    return replace(defaults, **gains) if gains else defaults  # type: ignore[type-var]


class Detector(nn.Module):
    """A detector.

    Attributes:
        family: what it is called in checkpoints and bundles.
        loss_parts: names of the loss's parts, in their order.
        arch: the architecture at full width, as the family's YAML has it.
        names: class names, in the order of their ids.
        imgsz: side of the square network input in pixels that the model was last trained for.
        model: the layers, the head last. Each layer has `i`, its number, and `f`, the numbers of those it takes.
        save: numbers of the layers whose output is taken later on.

    forward maps RGB images [B, 3, H, W] in 0..1 (H, W multiples of the coarsest stride) to raw outputs: float tensors
    without sigmoid or decoding, the same in train and eval mode, named by `output_names`.
    """

    family: str
    loss_parts: tuple[str, ...]
    arch: dict[str, Any]
    names: list[str]
    imgsz: int
    model: nn.Sequential
    save: set[int]

    @property
    def head(self) -> Any:
        """The detection head, the last layer."""
        return self.model[-1]

    @property
    def stride(self) -> list[int]:
        """Strides of the scales in pixels, fine to coarse."""
        return [int(s) for s in self.head.stride]

    @property
    @abstractmethod
    def output_names(self) -> list[str]:
        """Names of the raw outputs, in their order."""

    @property
    @abstractmethod
    def post_processor(self) -> str:
        """What decodes the outputs on the board: a name in `compress/export/streams.py`."""

    def deployed(self, branch: str | None = None) -> Detector:
        """The detector as the board runs it: without what is there for training alone. It may share this one's layers.

        `branch` names the head's branch that decodes, for a head with several; None is the family's own choice.
        Raises UsageError for a branch that the head does not have.
        """
        if branch is not None:
            raise UsageError(f"--head is {branch}, but a {self.family} has a head of one branch")
        return self

    def anchors_px(self) -> list[list[list[float]]]:
        """Anchors as [scales][anchors][w, h] in pixels of the network input; empty where the head has none."""
        return []

    @abstractmethod
    def make_loss(self, imgsz: int, gains: Mapping[str, float] | None = None) -> Loss:
        """The loss for images of imgsz x imgsz pixels, on the device where the model is now.

        `gains` replaces some of the family's own gains, by name. Raises UsageError for a name it does not know.
        """

    @abstractmethod
    def boxes(self, heads: Sequence[np.ndarray], score: float, iou: float, geometry: Geometry) -> np.ndarray:
        """The raw outputs of one image (batch 1, float32) as float32 [n, 6] = x0 y0 x1 y1 confidence class.

        Coordinates are pixels of the original image. Boxes above the confidence `score` stay, class-wise NMS at
        `iou`; decoded by the post-processor that the board runs.
        """

    @abstractmethod
    def with_classes(self, names: list[str]) -> Detector:
        """A detector for other classes: everything is kept but the outputs of the head, which start anew.

        A pruned model keeps its shapes.
        """

    @abstractmethod
    def counted(self) -> nn.Module:
        """The module whose operations stand for this detector's in counts of FLOPs, as ultralytics has it."""

    def update_derived(self) -> None:
        """Called after every change of the layers' tensors: brings in line what is derived from them."""

    def unfreeze(self) -> None:
        """Let every parameter learn that has a gradient."""
        for parameter in self.parameters():
            parameter.requires_grad_(True)

    @abstractmethod
    def raw(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """The head's raw outputs of the features that it takes."""

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        kept: list[Any] = []
        last = len(self.model) - 1
        for layer in self.model:
            source: Any = layer.f
            if source != -1:
                picked = [x if j == -1 else kept[j] for j in ([source] if isinstance(source, int) else source)]
                x = picked[0] if isinstance(source, int) else picked  # type: ignore[assignment]
            if layer.i == last:
                return self.raw(x)  # type: ignore[arg-type]
            x = layer(x)
            kept.append(x if layer.i in self.save else None)
        raise AssertionError("a detector ends in its head")
