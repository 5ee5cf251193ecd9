"""Least-squares reconstruction: what is lost with removed channels and can be had from the others, is had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from compress.channels.flow import ChannelFlow
from compress.nets.detector import Detector
from compress.nets.yolov5 import Yolov5
from compress.prune.choose import choose
from compress.prune.plan import Plan
from compress.prune.reconstruct import reconstruct
from compress.prune.surgery import cut, removed_classes

FAMILIES = [
    pytest.param("yolov5n", id="YOLOv5: a bias in the head alone"),
    pytest.param("few-26", id="YOLO26: depthwise convolutions, attention"),
    pytest.param("few-ghost", id="ghost convolutions: groups that are left as they are"),
]


def images(seed: int, count: int = 8) -> list[torch.Tensor]:
    """Smooth ones: in noise nothing is like anything else."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 8, 8, generator=draw)
    fine = nn.functional.interpolate(coarse, size=(64, 64), mode="bilinear")
    return list((fine * 255).to(torch.uint8).split(4))


def loss(dense: Detector, slim: Detector, batches: list[torch.Tensor]) -> float:
    """How far the raw outputs are from the unpruned model's, as a share of their variance."""
    with torch.no_grad():
        both = [(dense.eval()(batch.float() / 255), slim.eval()(batch.float() / 255)) for batch in batches]
    wanted, found = (torch.cat([head.flatten() for pair in both for head in pair[side]]) for side in (0, 1))
    return float((wanted - found).var() / wanted.var())


@pytest.mark.parametrize("name", FAMILIES)
def test_the_images_come_nearer_to_the_unpruned_models_outputs(
    name: str,
    least_model: Callable[..., Detector],
    least_flow: ChannelFlow,
    tiny_free: Callable[..., Detector],
    free_flow: Callable[[str], ChannelFlow],
) -> None:
    make, flow = (least_model, least_flow) if name == "yolov5n" else (partial(tiny_free, name), free_flow(name))
    dense = make()
    plan = choose(dense, flow, 0.3, 1)
    slim = cut(dense, flow, plan)
    before = [value.clone() for model in (dense, slim) for value in model.state_dict().values()]
    solved = reconstruct(dense, slim, flow, plan, images(1))
    assert loss(dense, solved, images(1)) < 0.3 * loss(dense, slim, images(1))
    after = [value for model in (dense, slim) for value in model.state_dict().values()]
    assert all(map(torch.equal, before, after)), "what is given stays as it is"
    grouped = [key for key, module in solved.named_modules() if isinstance(module, nn.Conv2d) and module.groups > 1]
    for key in grouped:
        assert torch.equal(solved.get_submodule(key).weight, slim.get_submodule(key).weight)


def twins(model: Yolov5, flow: ChannelFlow, plan: Plan) -> None:
    """Make every removed channel of one layer the twin of a kept one."""
    group = next(group for group in plan.groups if group.removed and len(group.removed) <= len(group.kept))
    members = next(entry for entry in flow.groups if entry.name == group.name)
    for name in (*members.convolutions, *members.norms):
        for value in model.get_submodule(name).state_dict().values():
            if value.dim():
                value[group.removed] = value[group.kept[: len(group.removed)]]


def test_a_twin_is_replaced_without_loss(least_model: Callable[..., Yolov5], least_flow: ChannelFlow) -> None:
    """What a removed channel said, a kept one says too: least squares without a ridge finds that out."""
    model = least_model()
    plan = choose(model, least_flow, 0.1, 1)
    first = next(group.name for group in plan.groups if group.removed and len(group.removed) <= len(group.kept))
    groups = [g if g.name == first else replace(g, kept=sorted(g.kept + g.removed), removed=[]) for g in plan.groups]
    plan = replace(plan, groups=groups)
    twins(model, least_flow, plan)
    slim = cut(model, least_flow, plan)
    assert loss(model, slim, images(3)) > 1e-4
    assert loss(model, reconstruct(model, slim, least_flow, plan, images(3), 1e-9), images(3)) < 1e-8


def test_without_a_removed_input_nothing_changes(least_model: Callable[..., Yolov5], least_flow: ChannelFlow) -> None:
    model = least_model()
    plan = choose(model, least_flow, 0.3, 1)
    gone = removed_classes(least_flow, plan)
    slim = cut(model, least_flow, plan)
    solved = reconstruct(model, slim, least_flow, plan, images(4))
    for name, layer in least_flow.convolutions.items():
        changed = not torch.equal(solved.get_submodule(name).weight, slim.get_submodule(name).weight)
        assert changed == bool(np.isin(layer.inputs, gone).any()), name
