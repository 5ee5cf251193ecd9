"""ultralytics' loss of the anchor-free head, over our raw outputs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

import torch
from ultralytics.nn.modules import Detect
from ultralytics.utils.loss import v8DetectionLoss


@dataclass(frozen=True)
class BoxGains:
    """Weights of the three parts, as ultralytics' default.yaml has them."""

    box: float = 7.5
    classes: float = 0.5
    dfl: float = 1.5


def judged(head: Detect, gains: BoxGains) -> Any:
    """What ultralytics' losses read of a model."""
    named = asdict(gains)
    named["cls"] = named.pop("classes")
    return SimpleNamespace(args=SimpleNamespace(**named), model=[head], parameters=head.parameters)


def predictions(outputs: list[torch.Tensor]) -> dict[str, Any]:
    """Raw outputs (box, class, box, class, ...) as ultralytics' losses take them."""
    boxes, classes = [o.float() for o in outputs[0::2]], [o.float() for o in outputs[1::2]]
    return {
        "boxes": torch.cat([b.flatten(2) for b in boxes], 2),
        "scores": torch.cat([c.flatten(2) for c in classes], 2),
        "feats": boxes,  # asked for their shapes alone
    }


class AnchorFreeLoss:
    """Loss of a batch.

    Args:
        head: the head whose raw outputs are judged.
        device: where they are.
        gains: weights of the parts.
    """

    def __init__(self, head: Detect, device: torch.device, gains: BoxGains) -> None:
        self.loss = v8DetectionLoss(judged(head, gains))
        self.hyp = self.loss.hyp
        self.device = device

    def __call__(self, outputs: list[torch.Tensor], targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss of raw outputs (box, class, box, class, ...) against targets [n, 6].

        A target row is image index in the batch, class, cx, cy, w, h (fractions of the image).
        Returns the sum of the parts times the batch size, and the detached parts [3]: box, classes, dfl.
        """
        batch = {"batch_idx": targets[:, 0], "cls": targets[:, 1], "bboxes": targets[:, 2:]}
        parts, _ = self.loss.loss(predictions(outputs), batch)
        return parts.sum(), parts.detach() / len(outputs[0])
