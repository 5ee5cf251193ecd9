"""Surgery: the cut model computes what the masked one does, and what stays is not touched."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from compress.channels.flow import ChannelFlow, channel_flow
from compress.nets.yolov5 import Yolov5
from compress.prune.choose import choose
from compress.prune.plan import Plan
from compress.prune.surgery import TOLERANCE, cut, largest_difference, mask, prune
from deploy.errors import ModelError


def silenced(model: Yolov5, flow: ChannelFlow, plan: Plan) -> Yolov5:
    """The masked model made here: by groups and their batch norms, not by channel classes as `mask` does."""
    masked = copy.deepcopy(model)
    norms = {group.name: group.norms for group in flow.groups}
    with torch.no_grad():
        for group in plan.groups:
            for name in norms[group.name]:
                masked.get_parameter(f"{name}.weight")[group.removed] = 0
                masked.get_parameter(f"{name}.bias")[group.removed] = 0
    return masked


def difference(a: Yolov5, b: Yolov5, imgsz: int = 96) -> float:
    """The largest difference of two models on an image, relative to the largest output."""
    image = torch.rand(2, 3, imgsz, imgsz, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        pairs = list(zip(a.eval()(image), b.eval()(image), strict=True))
    return max(float((x - y).abs().max()) for x, y in pairs) / max(float(x.abs().max()) for x, _ in pairs)


TINY = [(0.125, "tiny_flow", percent, align) for percent, align in ((0.3, 8), (0.5, 1), (0.7, 8))]
NANO = [(0.25, "nano_flow", percent, align) for percent, align in ((0.3, 16), (0.5, 8), (0.7, 16))]


@pytest.mark.parametrize(("width", "flow", "percent", "align"), [*TINY, *NANO])
def test_pruned_model_computes_what_the_masked_one_does(
    tiny_model: Callable[..., Yolov5],
    request: pytest.FixtureRequest,
    width: float,
    flow: str,
    percent: float,
    align: int,
) -> None:
    model, channels = tiny_model(width_multiple=width), request.getfixturevalue(flow)
    plan = choose(model, channels, percent, align)
    slim, reported = prune(model, channels, plan)
    assert reported <= TOLERANCE < 1e-4
    assert difference(silenced(model, channels, plan), slim) <= 1e-4
    assert difference(model, slim) > 1e-2, "what was cut did count"
    assert plan.removed_share() == pytest.approx(percent, abs=align / 2000)
    widths = {g.name: len(g.kept) for g in plan.groups}
    assert {name: slim.get_submodule(name).out_channels for name in widths} == widths
    assert sum(p.numel() for p in slim.parameters()) < (1 - percent) * sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("seed", range(4))
def test_any_plan_gives_a_model_that_computes_the_same(
    tiny_model: Callable[..., Yolov5],
    tiny_flow: ChannelFlow,
    random_plan: Callable[[ChannelFlow, int], Plan],
    seed: int,
) -> None:
    model = tiny_model(seed=seed)
    plan = random_plan(tiny_flow, seed)
    slim = cut(model, tiny_flow, plan)
    assert difference(silenced(model, tiny_flow, plan), slim) <= 1e-4
    assert largest_difference(mask(model, tiny_flow, plan), slim, 64) <= 1e-4


def test_plan_that_keeps_one_channel_a_group_still_runs(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow, random_plan: Callable[[ChannelFlow, int], Plan]
) -> None:
    plan = random_plan(tiny_flow, 0)
    groups = [replace(g, kept=[0], removed=list(range(1, g.width))) if g.score else g for g in plan.groups]
    slim, _ = prune(tiny_model(), tiny_flow, replace(plan, groups=groups))
    assert {m.out_channels for n, m in slim.named_modules() if n.endswith(".conv")} == {1}


def test_what_stays_is_bit_for_bit_the_same(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow, random_plan: Callable[[ChannelFlow, int], Plan]
) -> None:
    model, plan = tiny_model(), random_plan(tiny_flow, 1)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    slim = cut(model, tiny_flow, plan)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items()), "the model given is left alone"
    kept = {member: g.kept for g in plan.groups for member in g.members}
    norms = {norm: g.name for g in tiny_flow.groups for norm in g.norms}
    for key, value in slim.state_dict().items():
        name, _, part = key.rpartition(".")
        if name in norms and part != "num_batches_tracked":
            assert torch.equal(value, before[key][kept[norms[name]]]), key
    # inputs, where a layer's source is known by hand: a chain, a shortcut's block, a concatenation, the head
    cv1, cv2 = kept["model.4.cv1.conv"], kept["model.4.cv2.conv"]
    beside = [*cv1, *(16 + i for i in cv2)]
    for layer, inputs in (
        ("model.1.conv", kept["model.0.conv"]),
        ("model.4.m.1.cv1.conv", cv1),
        ("model.4.m.0.cv2.conv", kept["model.4.m.0.cv1.conv"]),
        ("model.4.cv3.conv", beside),
        ("model.24.m.0", kept["model.17.cv3.conv"]),
    ):
        assert torch.equal(slim.state_dict()[f"{layer}.weight"], before[f"{layer}.weight"][kept[layer]][:, inputs])
    assert torch.equal(slim.head.m[0].bias, model.head.m[0].bias)


def test_empty_plan_changes_nothing(tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow) -> None:
    model = tiny_model()
    slim, found = prune(model, tiny_flow, choose(model, tiny_flow, 0.0, 8))
    assert found == 0
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), slim.state_dict().values(), strict=True))


def test_pruned_model_can_be_pruned_again_and_trained(
    least_model: Callable[..., Yolov5], least_flow: ChannelFlow
) -> None:
    model = least_model()
    slim, _ = prune(model, least_flow, choose(model, least_flow, 0.4, 8))
    flow = channel_flow(slim, torch.zeros(1, 3, 64, 64))
    slimmer, found = prune(slim, flow, choose(slim, flow, 0.3, 8))
    assert found <= 1e-4
    sum(o.square().mean() for o in slimmer.train()(torch.rand(2, 3, 64, 64))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in slimmer.parameters())


def shifted(flow: ChannelFlow, table: str, name: str, side: str) -> ChannelFlow:
    wrong = copy.deepcopy(flow)
    layer = getattr(wrong, table)[name]
    setattr(layer, side, np.roll(getattr(layer, side), 1))
    return wrong


@pytest.mark.parametrize(
    ("table", "name", "side"),
    [
        pytest.param("convolutions", "model.3.conv", "inputs", id="inputs of a convolution"),
        pytest.param("convolutions", "model.13.cv1.conv", "inputs", id="inputs after a concatenation"),
        pytest.param("convolutions", "model.5.conv", "outputs", id="outputs of a convolution"),
        pytest.param("convolutions", "model.24.m.2", "inputs", id="inputs of the head"),
        pytest.param("norms", "model.7.bn", "outputs", id="a batch norm"),
    ],
)
def test_wrong_cut_is_caught(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow, table: str, name: str, side: str
) -> None:
    model = tiny_model()
    plan = choose(model, tiny_flow, 0.5, 1)
    with pytest.raises(ModelError, match="the pruned model differs from the masked one by"):
        prune(model, shifted(tiny_flow, table, name, side), plan)


def test_model_whose_outputs_are_no_numbers_is_caught(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow
) -> None:
    model = tiny_model()
    plan = choose(model, tiny_flow, 0.5, 8)
    with torch.no_grad():
        model.model[3].bn.running_mean.fill_(float("nan"))
    with pytest.raises(ModelError, match="values that are not finite"):
        prune(model, tiny_flow, plan)


def test_proof_does_not_disturb_the_random_numbers_around_it(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow
) -> None:
    model = tiny_model()
    plan = choose(model, tiny_flow, 0.5, 8)
    state = torch.get_rng_state()
    assert prune(model, tiny_flow, plan)[1] == prune(model, tiny_flow, plan)[1]
    assert torch.equal(torch.get_rng_state(), state)
