"""Estimates: a range of at most a factor of two, in the order of padded work, and what a measurement changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.channels.flow import ChannelFlow, channel_flow
from compress.channels.protect import keep_shortcuts
from compress.cost.calibrate import calibrate, save_calibration
from compress.cost.chips import CHIPS, find_chip
from compress.cost.estimate import SPREAD, estimate, layer_range
from compress.cost.latency_cost import latency_cost
from compress.cost.torch_work import work_of
from compress.cost.work import Work, convolution, movement
from compress.nets.family import architecture
from compress.nets.yolov5 import Yolov5
from compress.prune.budget import params_cost
from compress.prune.choose import choose_for
from compress.prune.goal import Goal
from compress.prune.scores import gamma_scores
from compress.prune.surgery import cut
from deploy.errors import DataError, UsageError

CHIP = CHIPS["Ascend310"]
CONV = convolution("c", (64, 64, 3, 3), 1, (1, 64, 80, 80), (1, 64, 80, 80))
MOVE = movement("m", "cat", [(1, 64, 80, 80)], (1, 64, 80, 80))


def spread_gammas(model: nn.Module) -> None:
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.01, 1)


def total(works: list[Work]) -> int:
    return sum(work.padded_flops for work in works)


@pytest.mark.parametrize("chip", CHIPS.values(), ids=CHIPS)
@pytest.mark.parametrize("work", [CONV, MOVE], ids=["computing", "moving"])
def test_the_upper_end_is_at_most_twice_the_lower(chip, work: Work) -> None:
    found = layer_range(work, chip)
    assert 0 < found.low < found.high <= 2 * found.low * (1 + 1e-12)


def test_one_layer_by_hand() -> None:
    operations, moved = 2 * 64 * 64 * 9 * 6400, 2 * (64 * 64 * 9 + 2 * 64 * 6400)
    assert (CONV.padded_flops, CONV.bytes) == (operations, moved)
    found = layer_range(CONV, CHIP)
    assert found.low == pytest.approx(1000 * (operations / (11e12 * 0.30) + 10e-6))
    assert found.high == pytest.approx(1000 * (operations / (11e12 * 0.15) + 20e-6))


@pytest.fixture(scope="module")
def small() -> tuple[Yolov5, ChannelFlow]:
    """YOLOv5s for the 20 classes of VOC at 512 px."""
    model = Yolov5(architecture("yolov5s", 20), [f"class{i}" for i in range(20)], 512)
    spread_gammas(model)
    return model, channel_flow(model, torch.zeros(1, 3, 64, 64))


@pytest.mark.parametrize("left", [0.368, 0.276], ids=["50 % pruned", "60 % pruned"])
def test_meets_what_was_measured_on_a_board(small: tuple[Yolov5, ChannelFlow], left: float) -> None:
    """The application behind the project reports 170 to 210 images a second for these two, 4.8 to 5.9 ms each.

    `left` is the share of parameters that its table leaves of YOLOv5s; it keeps the channels of shortcuts.
    """
    model, flow = small
    flow = keep_shortcuts(flow)
    cost = params_cost(model, flow)
    whole = cost({group.name: len(group.classes) for group in flow.removable()})
    plan = choose_for(flow, gamma_scores(model, flow), Goal("params", left * whole), 1, cost)
    found = estimate(work_of(cut(model, flow, plan), 512), CHIP)
    assert found.low < 5.9 and found.high > 4.8
    assert found.high <= 2 * found.low


def test_models_of_a_family_come_in_the_order_of_their_padded_work(small: tuple[Yolov5, ChannelFlow]) -> None:
    model, flow = small
    scores = gamma_scores(model, flow)
    works = [work_of(model, 320)]
    for share in (0.8, 0.5, 0.25):
        for align in (1, 16):
            works.append(work_of(cut(model, flow, choose_for(flow, scores, Goal("uniform", share), align)), 320))
    for size in "nm":
        works.append(work_of(Yolov5(architecture(f"yolov5{size}", 20), model.names, 320), 320))
    for chip in CHIPS.values():
        by_work = sorted(works, key=total)
        by_time = [estimate(w, chip).high for w in by_work]
        assert by_time == sorted(by_time), chip.name


def test_half_a_block_costs_a_whole_one() -> None:
    odd = convolution("c", (33, 64, 3, 3), 1, (1, 64, 80, 80), (1, 33, 80, 80))
    even = convolution("c", (48, 64, 3, 3), 1, (1, 64, 80, 80), (1, 48, 80, 80))
    assert layer_range(odd, CHIP) == layer_range(even, CHIP)


def test_a_measured_number_moves_the_estimate_there() -> None:
    works = [CONV, MOVE]
    found = calibrate("4.2 ms", works, CHIP)
    calibrated = estimate(works, CHIP, found)
    assert calibrated.low == pytest.approx(4.2 / SPREAD) and calibrated.high == pytest.approx(4.2 * SPREAD)
    assert 4.2 in calibrated and "measured 4.2 ms" in found.source


OLD = "Model Name,Infer ID,Op Name,OP Type,Task Type,Task Start Time,Task Duration,Task Wait Time\n"
NEW = "Device_id,Op Name,OP Type,OP State,Task Type,Task Start Time(us),Task Duration(us)\n"


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(OLD + "m,1,a,Conv2D,AI_CORE,0,900,1\nm,1,b,ConcatD,AI_CORE,0,100,1\n", id="one inference, old"),
        pytest.param(NEW + "0,a,Conv2D,static,AI_CORE,0,900\n0,b,TransData,static,AI_CORE,0,100\n", id="new columns"),
        pytest.param(
            OLD + "m,1,a,Conv2D,A,0,950,1\nm,1,b,Add,A,0,100,1\nm,2,a,Conv2D,A,0,850,1\nm,2,b,Add,A,0,100,1\n",
            id="two inferences",
        ),
        pytest.param(NEW + "0,a,Conv2D,s,A,0,900\n0,b,Add,s,A,0,100\n" * 3, id="three, told by repetition"),
        pytest.param("\ufeff" + NEW + "0,a,Conv2D,s,A,0,900\n\n0,b,Add,s,A,0,100\n", id="a BOM and a blank line"),
    ],
)
def test_a_profile_tells_computing_from_moving(tmp_path: Path, table: str) -> None:
    (tmp_path / "op_summary_0.csv").write_text(table, encoding="utf-8")
    found = calibrate(str(tmp_path / "op_summary_0.csv"), [CONV, MOVE], CHIP)
    for work, milliseconds, factor in ((CONV, 0.9, found.compute), (MOVE, 0.1, found.other)):
        middle = (layer_range(work, CHIP).low * layer_range(work, CHIP).high) ** 0.5
        assert factor == pytest.approx(milliseconds / middle)
    assert estimate([CONV, MOVE], CHIP, found).high == pytest.approx(1.0 * SPREAD)


def test_a_saved_calibration_serves_other_models(tmp_path: Path) -> None:
    found = calibrate("4.2", [CONV], CHIP)
    save_calibration(found, tmp_path / "c.json")
    assert calibrate(str(tmp_path / "c.json"), [], CHIP) == found
    with pytest.raises(DataError, match="is a calibration of Ascend310, the estimate is for Ascend310P3"):
        calibrate(str(tmp_path / "c.json"), [], CHIPS["Ascend310P3"])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        pytest.param("gone.csv", None, "does not exist", id="missing"),
        pytest.param("x.csv", b"", "line 1: has no column 'op name'", id="empty"),
        pytest.param("x.csv", b"Op Name,OP Type\n", "has no column 'task duration", id="no durations"),
        pytest.param(
            "x.csv", NEW.encode() + b"0,a,Conv2D,s,A,0,fast\n", "line 2: no duration in micro", id="no number"
        ),
        pytest.param("x.csv", NEW.encode() + b"0,a\n", "line 2: no duration", id="a short line"),
        pytest.param("x.csv", NEW.encode(), "holds no operator", id="no lines"),
        pytest.param("x.csv", b"\xff\xfe\x00", "is not UTF-8 text", id="not text"),
        pytest.param("x.json", b"{}", "not a calibration", id="another JSON"),
        pytest.param("gone.json", None, "does not exist", id="missing JSON"),
        pytest.param(
            "x.json",
            b'{"kind":"calibration","schema_version":1,"chip":"Ascend310","compute":0,"other":1,"source":""}',
            "expected numbers above 0",
            id="a factor of nothing",
        ),
    ],
)
def test_what_is_no_measurement(tmp_path: Path, name: str, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        calibrate(str(tmp_path / name), [CONV], CHIP)


@pytest.mark.parametrize(
    ("soc", "name"),
    [
        pytest.param("Ascend310", "Ascend310", id="itself"),
        pytest.param("Ascend310P1", "Ascend310P3", id="310P"),
        pytest.param("Ascend310B4", "Ascend310B4", id="the small 310B"),
        pytest.param("Ascend310B2", "Ascend310B1", id="another 310B"),
    ],
)
def test_chips_of_a_family(soc: str, name: str) -> None:
    assert find_chip(soc).name == name


def test_unknown_chip() -> None:
    with pytest.raises(UsageError, match=r"--soc is Ascend301 \(did you mean 'Ascend310.*expected one of"):
        find_chip("Ascend301")


def test_pruning_to_a_latency(tiny_model: Callable[..., Yolov5], nano_flow: ChannelFlow) -> None:
    model, flow = tiny_model(width_multiple=0.25), nano_flow
    spread_gammas(model)
    scores = gamma_scores(model, flow)
    cost = latency_cost(model, flow, scores, 320, CHIP)
    dense = estimate(work_of(model, 320), CHIP).high
    floor = cost({group.name: 16 if len(group.classes) >= 16 else len(group.classes) for group in flow.removable()})
    goal = (dense + floor) / 2
    plan = choose_for(flow, scores, Goal("latency", goal), 16, cost)
    found = estimate(work_of(cut(model, flow, plan), 320), CHIP).high
    assert floor <= found <= goal < dense
