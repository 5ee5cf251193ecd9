"""What the pruning tests share: channel flows, which cost a second to trace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from compress.nets.yolov5 import Yolov5
from compress.prune.flow import ChannelFlow, channel_flow
from compress.prune.plan import GroupPlan, Plan


@pytest.fixture(scope="session")
def tiny_flow(tiny_model: Callable[..., Yolov5]) -> ChannelFlow:
    """The flow of `tiny_model()`; it does not depend on the weights. Tests leave it as it is."""
    return channel_flow(tiny_model(), torch.zeros(1, 3, 64, 64))


@pytest.fixture(scope="session")
def nano_flow(tiny_model: Callable[..., Yolov5]) -> ChannelFlow:
    """The flow of a YOLOv5n, `tiny_model(width_multiple=0.25)`."""
    return channel_flow(tiny_model(width_multiple=0.25), torch.zeros(1, 3, 64, 64))


@pytest.fixture(scope="session")
def random_plan() -> Callable[[ChannelFlow, int], Plan]:
    """Makes a plan that keeps a random, non-empty part of every group that may be cut."""

    def make(flow: ChannelFlow, seed: int) -> Plan:
        random = np.random.default_rng(seed)
        groups = []
        for group in flow.groups:
            width = len(group.classes)
            count = width if group.pinned else int(random.integers(1, width + 1))
            kept = sorted(random.choice(width, count, replace=False).tolist())
            removed = sorted(set(range(width)) - set(kept))
            score = [] if group.pinned else [1.0] * width
            groups.append(GroupPlan(group.name, group.convolutions, width, kept, removed, score, "at random"))
        return Plan({"percent": 0.5}, 1, 0.0, groups)

    return make
