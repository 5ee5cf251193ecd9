"""The thresholds of a bundle: those of its detect.cfg and its eval.cfg, with which a training is validated, too.

For detection as the first YOLOv5 pruning sample for Ascend has them. An evaluation keeps nearly every box, because mAP
is an area under the whole curve of precision over recall.
"""

from __future__ import annotations

from typing import NamedTuple


class Thresholds(NamedTuple):
    """The least score and objectness of a box, and the IoU from which NMS drops it, all in 0..1."""

    score: float
    iou: float


DETECT = Thresholds(0.4, 0.5)
EVAL = Thresholds(0.001, 0.6)
