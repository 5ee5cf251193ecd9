"""Distillation: a student learns its teacher's raw outputs, and the features that the teacher's head takes.

Outputs follow Mehta and Ozturk, Object detection at 200 frames per second (2018, arXiv 1805.06361): what the teacher
says of a place counts by how sure it is that an object is there, so that the many empty places do not drown the rest.
Features follow Shu et al., Channel-wise Knowledge Distillation for Dense Prediction (2021, arXiv 2011.13256), on
features that are normalised first, as RTMDet's recipes do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn

from compress.nets.detector import Detector
from compress.nets.yolov5_loss import OBJECTNESS_BALANCE
from deploy.errors import ModelError

TEMPERATURE = 2.0  # of the DFL distributions


def check_teacher(teacher: Detector, student: Detector) -> None:
    """Raise ModelError unless the teacher's raw outputs mean what the student's do; the width may differ."""
    for what, theirs, ours in (
        ("classes", teacher.names, student.names),
        ("outputs", _kind(teacher), _kind(student)),
        ("strides", teacher.stride, student.stride),
        ("anchors", _rounded(teacher), _rounded(student)),
    ):
        if theirs != ours:
            raise ModelError(
                f"the teacher's {what} are {theirs}, the student's {ours}: both must be of the same kind, "
                "such as the model before it was pruned"
            )


class Distiller:
    """The distillation loss of a batch, to be added to the detection loss.

    Args:
        teacher: the model to learn from; it is put into eval mode, frozen, and left where it is.
        student: the model that learns, on its final device; its head's inputs are watched by hooks.
        imgsz: side of the network input in pixels.
        outputs: weight of the raw outputs' part, 0 for none.
        features: weight of the features' part, 0 for none.

    Attributes:
        adapters: what makes the student's features comparable to the teacher's, one a scale; they learn with the
            student and are no part of it. Empty where `features` is 0.
    Raises ModelError for a teacher whose outputs mean something else.
    """

    def __init__(
        self, teacher: Detector, student: Detector, imgsz: int, outputs: float = 1.0, features: float = 0.0
    ) -> None:
        check_teacher(teacher, student)
        device = next(student.parameters()).device
        self._teacher = teacher.to(device).eval().requires_grad_(False)
        self._outputs, self._features = outputs, features
        self._loss_of = _output_loss(student, imgsz)
        self._seen: list[list[torch.Tensor]] = [[], []]
        self.adapters = nn.ModuleList()
        if features:
            widths = zip(_widths(student), _widths(teacher), strict=True)
            self.adapters.extend(_Adapter(own, theirs) for own, theirs in widths)
            self.adapters.to(device)
            _watch(student, self._seen[0], True)
            _watch(teacher, self._seen[1], False)

    def __call__(self, x: torch.Tensor, outputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """The loss of the batch, summed over its images.

        x: float32 [B, 3, H, W] in 0..1; outputs: the student's raw outputs of x, from the forward pass just made.
        """
        with torch.no_grad():
            wanted = self._teacher(x)
        loss = torch.zeros((), device=x.device)
        if self._outputs:
            loss = loss + self._outputs * self._loss_of([o.float() for o in outputs], [w.float() for w in wanted])
        if self._features:
            loss = loss + self._features * self._feature_loss()
        for seen in self._seen:
            seen.clear()
        return loss * len(x)

    def _feature_loss(self) -> torch.Tensor:
        own, theirs = self._seen
        compared = zip(self.adapters, own, theirs, strict=True)
        return torch.stack([channel_wise(*adapter(a.float(), b.float())) for adapter, a, b in compared]).sum()


class _Adapter(nn.Module):
    """Brings a student's feature to the teacher's width, and both to mean 0 and variance 1 in each channel."""

    def __init__(self, own: int, theirs: int) -> None:
        super().__init__()
        self.widen = nn.Conv2d(own, theirs, 1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(theirs, affine=False) for _ in range(2))

    def forward(self, own: torch.Tensor, theirs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.norms[0](self.widen(own)), self.norms[1](theirs)


def channel_wise(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """KL divergence between the spatial distributions of each channel, averaged over channels and images.

    Both float [B, C, H, W]. A channel's distribution is the softmax over its H * W places.
    """
    log_q = F.log_softmax(student.flatten(2), 2)
    p = F.softmax(teacher.flatten(2), 2)
    return F.kl_div(log_q, p, reduction="sum") / (student.shape[0] * student.shape[1])


class AnchorOutputs:
    """The outputs' part for YOLOv5's head, in the proportions of its own loss."""

    def __init__(self, student: Detector, imgsz: int) -> None:
        loss = cast(Any, student.make_loss(imgsz))
        self._gains = loss.box_gain, loss.objectness_gain, loss.class_gain
        self._classes = len(student.names)

    def __call__(self, outputs: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor]) -> torch.Tensor:
        """Raw outputs [B, anchors, H, W, 5 + classes] of both; the mean over images."""
        box, objectness, classes = (torch.zeros((), device=outputs[0].device) for _ in range(3))
        for scale, (own, theirs) in enumerate(zip(outputs, wanted, strict=True)):
            sure = theirs[..., 4].sigmoid()
            total = sure.sum().clamp_min(1e-6)
            off = ((own[..., :4].sigmoid() - theirs[..., :4].sigmoid()) * 2).square().sum(-1)
            box = box + (off * sure).sum() / total
            balance = OBJECTNESS_BALANCE[scale] if len(outputs) == len(OBJECTNESS_BALANCE) else 1.0
            objectness = objectness + balance * F.binary_cross_entropy_with_logits(own[..., 4], sure)
            if self._classes > 1:
                each = F.binary_cross_entropy_with_logits(own[..., 5:], theirs[..., 5:].sigmoid(), reduction="none")
                classes = classes + (each.mean(-1) * sure).sum() / total
        return sum((g * part for g, part in zip(self._gains, (box, objectness, classes), strict=True)), box * 0)


class DistributionOutputs:
    """The outputs' part for ultralytics' anchor-free head: class scores, and the distributions of the box's sides."""

    def __init__(self, student: Detector, imgsz: int) -> None:
        gains = cast(Any, student.make_loss(imgsz)).hyp
        self._gains = float(gains.cls), float(gains.dfl)
        self._bins = int(student.head.reg_max)

    def __call__(self, outputs: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor]) -> torch.Tensor:
        """Raw outputs (box [B, 4 * bins, H, W], class [B, C, H, W]) of each scale of both; the mean over images."""
        own_boxes, own_classes = _joined(outputs)
        boxes, classes = _joined(wanted)
        scores = classes.sigmoid()
        sure = scores.amax(1)
        total = sure.sum().clamp_min(1e-6)
        class_loss = F.binary_cross_entropy_with_logits(own_classes, scores, reduction="sum") / total
        if self._bins > 1:
            shape = (len(boxes), 4, self._bins, -1)
            log_q = F.log_softmax(own_boxes.view(shape) / TEMPERATURE, 2)
            p = F.softmax(boxes.view(shape) / TEMPERATURE, 2)
            each = F.kl_div(log_q, p, reduction="none").sum(2).mean(1) * TEMPERATURE**2
        else:
            each = (own_boxes - boxes).abs().mean(1)
        box_loss = (each * sure).sum() / total
        return self._gains[0] * class_loss + self._gains[1] * box_loss


def _joined(outputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """All scales of the boxes and of the classes, [B, channels, places] each."""
    boxes, classes = (torch.cat([o.flatten(2) for o in outputs[start::2]], 2) for start in (0, 1))
    return boxes, classes


def _output_loss(student: Detector, imgsz: int) -> AnchorOutputs | DistributionOutputs:
    return AnchorOutputs(student, imgsz) if student.anchors_px() else DistributionOutputs(student, imgsz)


def _rounded(model: Detector) -> list[list[list[float]]]:
    return [[[round(side, 2) for side in anchor] for anchor in scale] for scale in model.anchors_px()]


def _kind(model: Detector) -> str:
    if model.anchors_px():
        return "those of anchors"
    return f"distributions over {model.head.reg_max} bins"


def _widths(model: Detector) -> list[int]:
    """Channels of the features that the head takes, found by a pass over a small image."""
    seen: list[torch.Tensor] = []
    handles = _watch(model, seen, False)
    side, device = 2 * max(model.stride), next(model.parameters()).device
    was_training = model.training
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, side, side, device=device))
    model.train(was_training)
    for handle in handles:
        handle.remove()
    return [feature.shape[1] for feature in seen]


def _watch(model: Detector, seen: list[torch.Tensor], training: bool) -> list[Any]:
    """Note what the layers put out that the head takes, while the model is in that mode.

    A student is validated too, by copies that have the same hooks: those passes are nobody's to learn from.
    """

    def note(layer: nn.Module, _: Any, output: torch.Tensor) -> None:
        if layer.training is training:
            seen.append(output)

    return [model.model[number].register_forward_hook(note) for number in model.head.f]
