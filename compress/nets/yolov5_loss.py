"""The loss of YOLOv5's anchor head.

Source: ultralytics/yolov5 v6 as documented (docs.ultralytics.com/yolov5/tutorials/architecture_description): targets by
the ratio of box to anchor with the neighbouring cells, CIoU, and binary cross-entropy for objectness and classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from ultralytics.utils.metrics import bbox_iou

from compress.nets.yolov5_head import AnchorDetect

OBJECTNESS_BALANCE = (4.0, 1.0, 0.4)


@dataclass(frozen=True)
class LossGains:
    """Weights of the three parts and the largest ratio of box side to anchor side that still makes a match.

    The gains are for 80 classes, 3 scales and 640 px and are scaled to what is trained.
    """

    box: float = 0.05
    objectness: float = 1.0
    classes: float = 0.5
    anchor_ratio: float = 4.0


class AnchorLoss:
    """Loss of a batch.

    Args:
        head: the head whose raw outputs are judged.
        imgsz: side of the network input in pixels.
        gains: weights of the parts.
    """

    def __init__(self, head: AnchorDetect, imgsz: int, gains: LossGains) -> None:
        scales = len(head.m)
        self.head = head
        self.ratio = gains.anchor_ratio
        self.box_gain = gains.box * 3 / scales
        self.objectness_gain = gains.objectness * (imgsz / 640) ** 2 * 3 / scales
        self.class_gain = gains.classes * head.nc / 80 * 3 / scales

    def __call__(self, outputs: list[torch.Tensor], targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss of raw outputs [B, anchors, H, W, 5 + classes] against targets [n, 6].

        A target row is image index in the batch, class, cx, cy, w, h (fractions of the image).
        Returns the sum of the parts times the batch size, and the detached parts [3]: box, objectness, classes.
        """
        device = outputs[0].device
        box_loss = torch.zeros((), device=device)
        objectness_loss = torch.zeros((), device=device)
        class_loss = torch.zeros((), device=device)
        for scale, raw in enumerate(outputs):
            raw = raw.float()
            wanted = torch.zeros(raw.shape[:4], device=device)
            image, anchor, row, column, box, classes, anchors = self._match(scale, raw, targets)
            if len(image):
                picked = raw[image, anchor, row, column]
                centre = picked[:, :2].sigmoid() * 2 - 0.5
                size = (picked[:, 2:4].sigmoid() * 2) ** 2 * anchors
                iou = bbox_iou(torch.cat((centre, size), 1), box, xywh=True, CIoU=True).squeeze(-1)
                box_loss = box_loss + (1 - iou).mean()
                # where several objects claim a cell, the best fitting one says how sure the cell should be
                flat = ((image * raw.shape[1] + anchor) * raw.shape[2] + row) * raw.shape[3] + column
                wanted.view(-1).scatter_reduce_(0, flat, iou.detach().clamp(0), "amax")
                if self.head.nc > 1:
                    one_hot = F.one_hot(classes, self.head.nc).to(picked.dtype)
                    class_loss = class_loss + F.binary_cross_entropy_with_logits(picked[:, 5:], one_hot)
            balance = OBJECTNESS_BALANCE[scale] if len(outputs) == len(OBJECTNESS_BALANCE) else 1.0
            objectness_loss = objectness_loss + balance * F.binary_cross_entropy_with_logits(raw[..., 4], wanted)
        parts = torch.stack(
            (self.box_gain * box_loss, self.objectness_gain * objectness_loss, self.class_gain * class_loss)
        )
        return parts.sum() * outputs[0].shape[0], parts.detach()

    def _match(self, scale: int, raw: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Which cell and anchor of one scale answers for which object.

        An object is given to each anchor whose sides are within `ratio` of its own, in the cell that holds its centre
        and in the two neighbouring cells that the centre is nearest to.
        Returns image, anchor, row, column [m] int64, box [m, 4] (centre relative to the cell, size; grid units),
        class [m] int64 and the anchor's size [m, 2] (grid units).
        """
        height, width = raw.shape[2:4]
        anchors = self.head.anchors[scale].to(raw.device, raw.dtype)
        grid = raw.new_tensor([width, height])
        centre, size = targets[:, 2:4] * grid, targets[:, 4:6] * grid
        quotient = size[:, None] / anchors[None]
        fits = torch.maximum(quotient, 1 / quotient.clamp_min(1e-9)).amax(-1) < self.ratio
        which, anchor = fits.nonzero(as_tuple=True)
        centre, size = centre[which], size[which]

        fraction = centre % 1
        lower = (fraction < 0.5) & (centre > 1)
        upper = (fraction > 0.5) & (grid - centre > 1)
        shifts = raw.new_tensor([[0, 0], [-1, 0], [0, -1], [1, 0], [0, 1]])
        taken = torch.stack((torch.ones_like(lower[:, 0]), lower[:, 0], lower[:, 1], upper[:, 0], upper[:, 1]))
        shift, member = taken.nonzero(as_tuple=True)

        cell = (centre[member] + shifts[shift] * 0.5).floor()
        cell = torch.minimum(cell.clamp_min(0), grid - 1)
        box = torch.cat((centre[member] - cell, size[member]), 1)
        rows = targets[which[member]]
        image, classes = rows[:, 0].long(), rows[:, 1].long()
        column, row = cell.long().T
        chosen = anchor[member]
        return image, chosen, row, column, box, classes, anchors[chosen]
