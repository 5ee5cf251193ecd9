"""The estimated latency of any choice of channels, at the cost of arithmetic: what a search asks for many times.

The channels of every tensor grow linearly with each group's, so the work of every operator is known for all widths once
each group has been narrowed alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from compress.channels.flow import ChannelFlow
from compress.cost.chips import Chip
from compress.cost.estimate import Calibration, estimate
from compress.cost.torch_work import Asked, asked_of
from compress.nets.detector import Detector
from compress.prune.budget import Cost
from compress.prune.plan import GroupPlan, Plan
from compress.prune.surgery import cut


def layer_latency_cost(
    model: Detector, flow: ChannelFlow, imgsz: int, chip: Chip, calibration: Calibration | None = None
) -> Cost:
    """The upper end of the estimate in milliseconds; what `latency_cost` says too, which cuts the model."""
    width = {group.name: len(group.classes) for group in flow.removable()}
    whole = asked_of(model, imgsz)
    shapes = _flat(whole)
    slopes = {}
    for name, count in width.items():
        if count > 1:
            narrow = _flat(asked_of(cut(model, flow, _narrowed(flow, name)), imgsz))
            slopes[name] = shapes - narrow

    def cost(kept: Mapping[str, int]) -> float:
        now = shapes.copy()
        for name, slope in slopes.items():
            if kept[name] != width[name]:
                now -= (width[name] - kept[name]) * slope
        return estimate([entry.work() for entry in _shaped(whole, now)], chip, calibration).high

    return cost


def _narrowed(flow: ChannelFlow, name: str) -> Plan:
    """The plan that removes the last channel of one group."""
    groups = []
    for group in flow.groups:
        width = len(group.classes)
        kept = width - 1 if group.name == name else width
        parts = (list(range(kept)), list(range(kept, width)))
        groups.append(GroupPlan(group.name, group.convolutions, width, *parts, [], ""))
    return Plan({}, 1, 0.0, groups)


def _flat(works: Sequence[Asked]) -> np.ndarray:
    return np.array([side for entry in works for shape in entry.shapes for side in shape], np.int64)


def _shaped(works: Sequence[Asked], sides: np.ndarray) -> list[Asked]:
    found, start = [], 0
    flat = sides.tolist()
    for entry in works:
        shapes = []
        for shape in entry.shapes:
            shapes.append(tuple(flat[start : start + len(shape)]))
            start += len(shape)
        found.append(Asked(entry.name, entry.kind, entry.groups, tuple(shapes)))
    return found
