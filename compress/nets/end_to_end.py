"""Heads of two branches, YOLO26's and YOLOv10's: one learns to find each object once, so that no NMS is needed, and the
other, with many boxes an object, teaches the layers in front of both.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from compress.nets.detector import Loss, with_gains
from compress.nets.end_to_end_loss import EndToEndLoss
from compress.nets.yolov8 import AnchorFree, head_outputs
from compress.nets.yolov8_loss import BoxGains
from deploy.errors import UsageError
from deploy.postprocess.end_to_end import EndToEndConfig, decode
from deploy.postprocess.mapping import Geometry

ONE_TO_ONE, ONE_TO_MANY = "one2one", "one2many"
BRANCHES = (ONE_TO_ONE, ONE_TO_MANY)
_LAYERS = {ONE_TO_ONE: ("one2one_cv2", "one2one_cv3"), ONE_TO_MANY: ("cv2", "cv3")}


def has_two_branches(arch: Mapping[str, Any]) -> bool:
    """Whether the head of an architecture in ultralytics' form has a one-to-one branch beside the other."""
    return bool(arch.get("end2end")) or arch["head"][-1][2] == "v10Detect"


class EndToEnd(AnchorFree):
    """A detector with a head of two branches.

    The raw outputs are those of the one-to-one branch, then those of the one-to-many branch, each as AnchorFree has
    them. `deployed` leaves one branch.

    Attributes:
        kept: the branches that the head still has, in the order of the outputs.
    """

    kept: tuple[str, ...] = BRANCHES

    @property
    def output_names(self) -> list[str]:
        plain = super().output_names
        return [name if branch == self.kept[0] else f"{branch}_{name}" for branch in self.kept for name in plain]

    @property
    def post_processor(self) -> str:
        return "end_to_end" if self.kept[0] == ONE_TO_ONE else super().post_processor

    @property
    def branches(self) -> list[tuple[nn.ModuleList, nn.ModuleList]]:
        pairs = [_LAYERS[branch] for branch in self.kept]
        return [(getattr(self.head, boxes), getattr(self.head, classes)) for boxes, classes in pairs]

    def make_loss(self, imgsz: int, gains: Mapping[str, float] | None = None) -> Loss:
        return EndToEndLoss(self.head, next(self.parameters()).device, with_gains(BoxGains(), gains))

    def boxes(self, heads: Sequence[np.ndarray], score: float, iou: float, geometry: Geometry) -> np.ndarray:
        """As every detector's; the one-to-one branch's boxes are not suppressed, and there are at most 300."""
        decoding = heads[: 2 * len(self.stride)]
        if self.kept[0] == ONE_TO_MANY:
            return super().boxes(decoding, score, iou, geometry)
        return decode(decoding, EndToEndConfig(len(self.names), score, bins=self.head.reg_max), geometry)

    def deployed(self, branch: str | None = None) -> EndToEnd:
        """With one branch, one2one unless `branch` is one2many; it shares this one's layers."""
        branch = self.kept[0] if branch is None else branch
        if branch not in self.kept:
            raise UsageError(f"--head is {branch}, expected one of {', '.join(self.kept)}")
        gone = {layer for other in self.kept if other != branch for layer in _LAYERS[other]}
        head = copy.copy(self.head)
        head._modules = {name: None if name in gone else layer for name, layer in self.head._modules.items()}
        alone = copy.copy(self)
        alone._modules = {**self._modules, "model": nn.Sequential(*self.model[:-1], head)}
        alone.kept = (branch,)
        return alone.train(self.training)

    def raw(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        outputs = []
        for branch, (boxes, classes) in zip(self.kept, self.branches, strict=True):
            # the layers in front learn from the one-to-many branch alone
            cut = branch == ONE_TO_ONE and self.training and len(self.kept) > 1
            outputs += head_outputs([x.detach() for x in features] if cut else features, boxes, classes)
        return outputs
