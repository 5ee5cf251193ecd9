"""ultralytics' loss of heads with two branches, over our raw outputs."""

from __future__ import annotations

import torch
from ultralytics.nn.modules import Detect
from ultralytics.utils.loss import E2ELoss

from compress.nets.yolov8_loss import BoxGains, judged, predictions


class EndToEndLoss:
    """Loss of a batch: the one-to-many branch has 10 boxes an object, the one-to-one branch 1 of 7 candidates.

    The weight of the one-to-many branch falls from 0.8 to 0.1 in the course of the training, that of the other rises
    to 0.9, as in ultralytics' trainer. Arguments are those of AnchorFreeLoss.
    """

    def __init__(self, head: Detect, device: torch.device, gains: BoxGains) -> None:
        self.loss = E2ELoss(judged(head, gains))
        self.hyp = self.loss.one2one.hyp
        self.device = device

    def start_epoch(self, epoch: int, epochs: int) -> None:
        """Set the branches' weights for the epoch (from 0) of so many."""
        self.hyp.epochs = epochs
        self.loss.o2m = self.loss.decay(epoch)
        self.loss.o2o = max(self.loss.total - self.loss.o2m, 0)

    def __call__(self, outputs: list[torch.Tensor], targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As AnchorFreeLoss; `outputs` are those of the one-to-one branch, then the other's.

        The parts are those of the one-to-one branch.
        """
        half = len(outputs) // 2
        one2one, one2many = predictions(outputs[:half]), predictions(outputs[half:])
        batch = {"batch_idx": targets[:, 0], "cls": targets[:, 1], "bboxes": targets[:, 2:]}
        many, _ = self.loss.one2many.loss(one2many, batch)
        one, _ = self.loss.one2one.loss(one2one, batch)
        loss = many.sum() * self.loss.o2m + one.sum() * self.loss.o2o
        return loss, one.detach() / len(outputs[0])
