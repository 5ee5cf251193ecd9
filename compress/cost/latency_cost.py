"""The estimated latency of a model that keeps so many channels: what `prune --latency` steers by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compress.channels.flow import ChannelFlow
from compress.cost.chips import Chip
from compress.cost.estimate import Calibration, estimate
from compress.cost.torch_work import work_of
from compress.nets.detector import Detector
from compress.prune.budget import Cost
from compress.prune.plan import GroupPlan, Plan
from compress.prune.scores import Scores
from compress.prune.surgery import cut


def latency_cost(
    model: Detector,
    flow: ChannelFlow,
    scores: Scores,
    imgsz: int,
    chip: Chip,
    calibration: Calibration | None = None,
) -> Cost:
    """The upper end of the estimate in milliseconds for the model that keeps the channels with the highest scores.

    Each call cuts the model and reads its operators off, which takes a second or so. It falls in steps: half a block
    of 16 channels takes as long as a whole one.
    """

    def cost(kept: Mapping[str, int]) -> float:
        groups = []
        for group in flow.groups:
            width = len(group.classes)
            count = kept.get(group.name, width)
            order = np.argsort(-scores[group.name], kind="stable") if group.name in scores else np.arange(width)
            parts = (sorted(order[:count].tolist()), sorted(order[count:].tolist()))
            groups.append(GroupPlan(group.name, group.convolutions, width, *parts, [], ""))
        slim = cut(model, flow, Plan({}, 1, 0.0, groups))
        return estimate(work_of(slim, imgsz), chip, calibration).high

    return cost
