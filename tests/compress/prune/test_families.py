"""Every family, pruned: it computes what the masked model does, counts are aligned, the cost is as ultralytics counts.

The small members run at a part of their widths, over a grid in which any two settings meet, for the channel flow does
not depend on widths: YOLOv5 and YOLOv8 with all their layers, the others with each kind of theirs, in blocks of one
unit. Of the large ones the blocks run that differ from the small ones'. `benchmarks/proof.py` does the same for every
model that ultralytics describes, as wide and deep as it is.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from ultralytics.nn.modules.block import AAttn, Attention
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.torch_utils import get_flops, get_num_params

from compress.channels.flow import ChannelFlow, channel_flow
from compress.channels.protect import keep_shortcuts
from compress.channels.prunable_gammas import prunable_gammas
from compress.nets.convnext.layers import ConvNeXtUnit
from compress.nets.detector import Detector
from compress.nets.family import architecture, build, check_architecture
from compress.nets.focus import without_focus
from compress.nets.size import flops, parameters
from compress.prune import surgery
from compress.prune.budget import params_cost
from compress.prune.choose import choose, choose_for
from compress.prune.goal import Goal
from compress.prune.plan import Plan
from compress.prune.scores import filter_scores
from deploy.errors import ModelError, UsageError
from tests.compress import hub

pytestmark = pytest.mark.long

NAMES = ["a", "b", "c"]
SIDE = 64
V50 = {
    "backbone": [
        [-1, 1, "Focus", [64, 3]], [-1, 1, "Conv", [128, 3, 2]], [-1, 1, "Conv", [256, 3, 2]],
        [-1, 9, "C3", [256]], [-1, 1, "Conv", [512, 3, 2]], [-1, 1, "SPP", [512, [5, 9, 13]]],
        [-1, 3, "C3", [512, False]],
    ],
    "head": [
        hub.UP, [[-1, 3], 1, "Concat", [1]], [-1, 3, "C3", [256, False]], [[9, 6], 1, "Detect", hub.DETECT],
    ],
    "anchors": [hub.ANCHORS] * 2,
}  # fmt: skip
SMALL = ["yolov5n", "yolov5n-v5.0", "yolov8n", "yolo11n", "yolov5nu"]
SMALL += ["yolo26n", "yolo12n", "yolov10n", "yolov9t", "yolov6n", "yolov3-tiny", "yolov5n-convnext"]
SHARES = {"yolo12n": 1.0, "yolov9t": 0.125, "yolov3-tiny": 0.125, "yolov5n-convnext": 0.25}
"""Of their own width, to be fast; of those that are not here a half."""
WHOLE = ("yolov5n", "yolov8n")  # of the others every block has one unit
AS_DEEP = {"yolov5s": "yolov5n", "yolov8s": "yolov8n", "yolo11s": "yolo11n", "yolov8x": "yolov8l", "yolo11x": "yolo11l"}
PERCENTS, ALIGNS, SHORTCUTS = (0.3, 0.7), (1, 8), ("group", "keep")
GRID = [  # each family meets every percent, alignment and treatment of shortcuts, and each of these meets the others
    (name, PERCENTS[row], ALIGNS[(family + row) % 2], SHORTCUTS[(family // 2 + row) % 2])
    for family, name in enumerate(SMALL)
    for row in range(2)
]
STREAMS = ["model.0", "model.2", "model.4", "model.6"]  # of ConvNeXt: its stem and where it halves the resolution


def described(name: str, share: float) -> dict[str, Any]:
    """The architecture with its width multiplied by `share`."""
    found = hub.scaled(name.removesuffix("-v5.0"), share, depth=1.0 if name in WHOLE else 0.1)
    if name.endswith("-v5.0"):
        return without_focus({**found, **V50})
    return {**found, **hub.SHORT.get(name, {})}


def randomise(model: nn.Module, side: int) -> None:
    """Gammas and betas of their own, some near zero, and statistics of what the layers see. A layer scale has its say,
    which a fresh one of 1e-6 has not."""
    generator = torch.Generator().manual_seed(0)
    norms = [module for module in model.modules() if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm))]
    with torch.no_grad():
        for norm in norms:
            norm.weight.copy_(torch.rand(norm.weight.shape, generator=generator) * 1.6 + 0.02)
            norm.bias.copy_(torch.rand(norm.bias.shape, generator=generator) * 0.8 - 0.4)
            norm.momentum = 1.0  # type: ignore[union-attr]
        for unit in (module for module in model.modules() if isinstance(module, ConvNeXtUnit)):
            unit.gamma.copy_(torch.rand(unit.gamma.shape, generator=generator) + 0.5)
        model.train()(torch.rand(4, 3, side, side, generator=generator))


@cache
def traced(name: str, share: float = 0.0) -> tuple[Detector, ChannelFlow]:
    torch.manual_seed(0)
    model = build(described(name, share or SHARES.get(name, 0.5)), NAMES, SIDE)
    randomise(model, 2 * max(model.stride))
    return model.eval(), channel_flow(model, torch.zeros(1, 3, SIDE, SIDE))


def chosen(model: Detector, flow: ChannelFlow, percent: float, align: int) -> Plan:
    """The plan, or the one at the limit where that many channels cannot go; the refusal names the limit."""
    try:
        return choose(model, flow, percent, align)
    except UsageError as error:
        limit = re.search(r"at most (0\.\d+) can be removed", str(error))
        assert limit and float(limit[1]) < percent, str(error)
        return choose(model, flow, float(limit[1]) - 0.001, align)


@cache
def halved(name: str) -> Detector:
    """With half of its channels; tests leave it as it is."""
    model, flow = traced(name)
    return surgery.cut(model, flow, chosen(model, flow, 0.5, 1))


def check(model: Detector, flow: ChannelFlow, plan: Plan) -> Detector:
    slim = surgery.cut(model, flow, plan)
    assert surgery.largest_difference(surgery.mask(model, flow, plan), slim, SIDE) <= 1e-9, "the issue asks for 1e-4"
    for group, planned in zip(flow.groups, plan.groups, strict=True):
        assert planned.places == group.places
        if len(planned.kept) % plan.align:
            assert planned.reason.startswith(("protected: ", "kept whole: narrower than the alignment")), planned
        for name in group.convolutions:
            layer = flow.convolutions[name]
            owned = np.isin(layer.outputs, group.classes).sum() // len(group.classes)
            if len(layer.outputs) == owned * len(group.classes):
                width = slim.get_submodule(name).out_channels
                assert width == owned * len(planned.kept), name
    return slim


def test_any_two_settings_of_the_grid_meet() -> None:
    settings = (SMALL, PERCENTS, ALIGNS, SHORTCUTS)
    for first, second in itertools.combinations(range(4), 2):
        met = {(row[first], row[second]) for row in GRID}
        assert met == set(itertools.product(settings[first], settings[second]))


@pytest.mark.parametrize("name", hub.SHORT)
def test_a_short_one_has_each_kind_of_layer(name: str) -> None:
    assert hub.kinds(hub.SHORT[name]) == hub.kinds(architecture(name, 3))


@pytest.mark.parametrize(("name", "percent", "align", "shortcuts"), GRID)
def test_small_ones(name: str, percent: float, align: int, shortcuts: str) -> None:
    model, flow = traced(name)
    held = keep_shortcuts(flow) if shortcuts == "keep" else flow
    plan = chosen(model, held, percent, align)
    slim = check(model, held, plan)
    assert abs(plan.removed_share() - percent) < 0.02 or align > 1
    assert parameters(slim) < (0.93 - percent / 3) * parameters(model)


def test_area_attention_of_the_large_yolo12() -> None:
    """It has a factor a channel, as no other block has."""
    model, flow = traced.__wrapped__("few-12", 0.5)
    assert any(isinstance(getattr(module, "gamma", None), nn.Parameter) for module in model.modules())
    check(model, flow, chosen(model, flow, 0.5, 8))


@pytest.mark.parametrize("name", AS_DEEP)
def test_the_other_sizes_differ_in_width_alone(name: str) -> None:
    wide, same = (architecture(entry, 3) for entry in (name, AS_DEEP[name]))
    if "scales" in wide:
        assert wide["scales"][wide["scale"]][0] == same["scales"][same["scale"]][0]
    else:
        assert wide["depth_multiple"] == same["depth_multiple"]
    assert [wide[part] for part in ("backbone", "head")] == [same[part] for part in ("backbone", "head")]


def test_four_levels_from_stride_4_on() -> None:
    model, flow = traced.__wrapped__("few-p2", 0.125)
    assert model.stride == [4, 8, 16, 32]
    check(model, flow, chosen(model, flow, 0.5, 1))
    assert {g.pinned for g in flow.groups if g.pinned} == {"an output of the model"}


CUSTOM: dict[str, Any] = {
    "nc": 3,
    "backbone": [
        [-1, 1, "HGStem", [16, 32]], [-1, 2, "HGBlock", [16, 32, 3]], [-1, 1, "SCDown", [64, 3, 2]],
        [-1, 1, "C2fCIB", [64]], [-1, 1, "RepC3", [64]], [-1, 1, "ELAN1", [64, 32, 16]],
        [-1, 1, "ADown", [64]], [-1, 1, "C1", [64]], [-1, 1, "C2", [64]], [-1, 1, "SPPELAN", [64, 32]],
    ],
    "head": [
        [-1, 1, "ConvTranspose", [64, 2, 2, 0]], [[-1, 5], 1, "Concat", [1]], [-1, 1, "C3x", [64]],
        [-1, 1, "AConv", [64]], [-1, 1, "GhostBottleneck", [64]], [[12, 14], 1, "Detect", ["nc"]],
    ],
}  # fmt: skip


def test_custom_architecture_of_ultralytics_blocks() -> None:
    check_architecture(CUSTOM, "own.yaml")
    torch.manual_seed(0)
    model = build(CUSTOM, NAMES, SIDE)
    randomise(model, 32)
    flow = channel_flow(model.eval(), torch.zeros(1, 3, SIDE, SIDE))
    check(model, flow, chosen(model, flow, 0.5, 1))
    assert {g.pinned for g in flow.groups if g.pinned} == {"an output of the model"}


@pytest.mark.parametrize("block", ["LightConv", "C3k", "CIB", "PSABlock", "RepCSP", "CBAM", "NotThere"])
def test_blocks_that_ultralytics_builds_from_no_yaml_are_refused_by_name(block: str) -> None:
    rows = [*CUSTOM["backbone"][:3], [-1, 1, block, [64]], *CUSTOM["backbone"][4:]]
    with pytest.raises(ModelError, match=f"own.yaml: layer 3 is a '{block}', expected one of Conv, "):
        check_architecture({**CUSTOM, "backbone": rows}, "own.yaml")


def test_every_layer_of_yolov5_yamls() -> None:
    torch.manual_seed(0)
    model = build({**hub.every_layer(), "width_multiple": 0.25}, NAMES, SIDE)
    randomise(model, 32)
    flow = channel_flow(model.eval(), torch.zeros(1, 3, SIDE, SIDE))
    slim = check(model, flow, chosen(model, flow, 0.5, 1))
    assert {g.pinned for g in flow.groups if g.pinned} == {"reaches the operator view", "reaches the operator flatten"}
    assert slim.model[4].bn.num_features < model.model[4].bn.num_features, "a batch norm over two convolutions"  # type: ignore[union-attr, operator]


@pytest.mark.parametrize("name", SMALL[::2])
def test_random_plans(name: str, random_plan: Callable[[ChannelFlow, int], Plan]) -> None:
    model, flow = traced(name)
    plan = random_plan(flow, SMALL.index(name))
    slim = surgery.cut(model, flow, plan)
    assert surgery.largest_difference(surgery.mask(model, flow, plan), slim, SIDE) <= 1e-9


def what_ultralytics_counts(model: Detector) -> tuple[int, float]:
    """Its own model where it has one; else ours, with the attribute that its counter reads."""
    counted = model.counted()
    if not isinstance(counted, DetectionModel):
        counted = Stand(counted)
    return get_num_params(counted), get_flops(counted, SIDE) * 1e9


class Stand(nn.Module):
    """A model with its strides as a tensor."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.stride = torch.tensor(model.stride)

    def forward(self, x: torch.Tensor) -> Any:
        return self.model(x)


def test_parameters_of_convnext_are_foreseen() -> None:
    """Layer norms and layer scales are cut along."""
    model, flow = traced("yolov5n-convnext")
    plan = choose_for(flow, filter_scores(model, flow, 1), Goal("percent", 0.4), 1)
    kept = {group.name: len(group.kept) for group in plan.groups if group.score}
    assert params_cost(model, flow)(kept) == pytest.approx(parameters(surgery.cut(model, flow, plan)), abs=0.5)


@pytest.mark.parametrize("name", SMALL)
def test_cost_is_what_ultralytics_counts(name: str) -> None:
    slim = halved(name)
    found, operations = what_ultralytics_counts(slim)
    assert (parameters(slim), flops(slim, SIDE)) == (found, pytest.approx(operations, rel=1e-6))


@pytest.mark.parametrize("shortcuts", SHORTCUTS)
def test_units_of_convnext_lose_hidden_channels_and_the_stream_as_a_whole(shortcuts: str) -> None:
    model, flow = traced("yolov5n-convnext")
    held = keep_shortcuts(flow) if shortcuts == "keep" else flow
    streams = [group for group in held.groups if group.name.removesuffix(".conv") in STREAMS]
    assert [group.pinned for group in streams] == ["shortcuts are kept" if shortcuts == "keep" else ""] * 4
    scores = filter_scores(model, held, 2)
    plan = choose_for(held, scores, Goal("uniform", 0.5), 1)
    slim = check(model, held, plan)
    pairs = [(m, slim.get_submodule(n)) for n, m in model.named_modules() if isinstance(m, ConvNeXtUnit)]
    for before, after in pairs:
        widths: Any = (after.dwconv.groups, after.norm.weight.numel(), len(after.gamma), after.pwconv2.out_channels)
        kept = len(before.gamma) if shortcuts == "keep" else round(len(before.gamma) / 2)
        assert widths == (kept,) * 4
        assert after.pwconv1.out_channels == after.pwconv2.in_channels == before.pwconv1.out_channels // 2


def test_gammas_that_sparse_training_penalises_are_batch_norms_alone() -> None:
    """A layer norm's weight silences no channel of a stream that passes it by."""
    model, _ = traced("yolov5n-convnext")
    found = prunable_gammas(model, "group")
    assert found and all(isinstance(model.get_submodule(name), nn.BatchNorm2d) for name in found)


ATTENTIONS = [
    pytest.param("yolo11n", 1, id="YOLO11: C2PSA"),
    pytest.param("yolo26n", 2, id="YOLO26: C2PSA, and within C3k2"),
    pytest.param("yolov10n", 1, id="YOLOv10: PSA"),
    pytest.param("yolo12n", 4, id="YOLO12: area attention"),
]


@pytest.mark.parametrize(("name", "count"), ATTENTIONS)
def test_attention_is_pruned_by_heads(name: str, count: int) -> None:
    model, flow = traced(name)
    assert {g.pinned for g in flow.groups if g.pinned} == {"an output of the model"}
    slim = halved(name)
    pairs = [(n, m) for n, m in model.named_modules() if isinstance(m, (Attention, AAttn))]
    assert len(pairs) == count
    narrower = 0
    for path, before in pairs:
        after: Any = slim.get_submodule(path)
        heads, width = after.num_heads, after.head_dim
        keys = after.key_dim if isinstance(after, Attention) else width
        assert heads == before.num_heads and width <= before.head_dim
        assert after.qkv.conv.out_channels == heads * (2 * keys + width)
        assert after.proj.conv.in_channels == after.pe.conv.groups == heads * width
        narrower += width < before.head_dim
        if isinstance(after, Attention):
            assert after.qkv.conv.in_channels == heads * width, "the input is as wide as the values"
            assert after.scale == before.scale, "a narrower head is scaled as before"
    assert narrower


def test_queries_of_area_attention_keep_their_scale() -> None:
    """ultralytics computes it from the heads' width, so it moves into the batch norm."""
    model, flow = traced("yolo12n")
    slim = halved("yolo12n")
    path, before = next((n, m) for n, m in model.named_modules() if isinstance(m, AAttn))
    after: Any = slim.get_submodule(path)
    kept = ~np.isin(flow.norms[f"{path}.qkv.bn"].outputs, surgery.removed_classes(flow, choose(model, flow, 0.5, 1)))
    gammas = before.qkv.bn.weight[torch.from_numpy(kept)].view(after.num_heads, 3, -1)  # type: ignore[union-attr]
    found = after.qkv.bn.weight.view(after.num_heads, 3, -1)
    factor = (after.head_dim / before.head_dim) ** 0.5
    assert factor < 1 and torch.allclose(found[:, 0], gammas[:, 0] * factor)
    assert torch.equal(found[:, 1:], gammas[:, 1:])


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        pytest.param("yolov6n", "model.6", id="a transposed convolution without a batch norm"),
        pytest.param("yolov3-tiny", "model.10.conv", id="what is padded"),
        pytest.param("yolov9t", "model.4.cv2.0.m.0.cv1.conv1.conv", id="an addition of nothing"),
    ],
)
def test_what_used_to_be_pinned_is_pruned(name: str, layer: str) -> None:
    model, flow = traced(name)
    slim = surgery.cut(model, flow, chosen(model, flow, 0.7, 1))
    assert slim.get_submodule(layer).out_channels < model.get_submodule(layer).out_channels  # type: ignore[operator]


def test_a_plan_brings_its_heads_back() -> None:
    """Which channel of one head goes with which of another is a choice, so a plan says it."""
    model, flow = traced("yolo26n")
    plan = chosen(model, flow, 0.5, 8)
    other = copy.deepcopy(model)
    randomise(other.train(), 64)
    with torch.no_grad():
        for norm in (m for m in other.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.weight.copy_(norm.weight.flip(0))
    again = channel_flow(other.eval(), torch.zeros(1, 3, SIDE, SIDE), plan.places())
    assert [g.places for g in again.groups] == [g.places for g in flow.groups]
    fresh = channel_flow(other, torch.zeros(1, 3, SIDE, SIDE))
    assert [g.places for g in fresh.groups] != [g.places for g in flow.groups]


def test_halves_are_aligned_each() -> None:
    model, flow = traced("yolov8n")
    slim = surgery.cut(model, flow, chosen(model, flow, 0.5, 8))
    blocks = [m for m in slim.modules() if hasattr(m, "cv1") and isinstance(getattr(m, "c", None), int)]
    assert len(blocks) == 8
    for block in blocks:
        assert block.c % 8 == 0 and block.cv1.conv.out_channels == 2 * block.c


def test_pruned_model_that_does_not_fit_together_is_refused_with_a_sentence() -> None:
    model, flow = traced("yolo11n")
    apart = copy.deepcopy(flow)
    layer = apart.convolutions["model.7.m.0.attn.qkv.conv"]
    layer.outputs = np.roll(layer.outputs, 7)  # heads of unequal widths
    with pytest.raises(surgery.ModelError, match=r"the pruned model cannot run|differs from the masked one"):
        surgery.prune(model, apart, choose(model, apart, 0.5, 1))
