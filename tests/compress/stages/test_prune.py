"""Pruning as a function: the verb's work, fold and proof included, on a model in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from compress.channels.flow import ChannelFlow
from compress.cli import main
from compress.nets.checkpoint import load_checkpoint, save_checkpoint
from compress.nets.yolov5 import Yolov5
from compress.prune import surgery
from compress.stages.model import Model
from compress.stages.prune import prune
from compress.stages.prune_settings import PruneSettings
from deploy.errors import DataError, UsageError

Tensors = dict[str, torch.Tensor]


def same(first: Tensors, second: Tensors) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_it_does_what_the_verb_does(
    tmp_path: Path, least_model: Callable[..., Yolov5], least_flow: ChannelFlow
) -> None:
    """Folding is part of the stage: a caller cannot leave it out by accident."""
    save_checkpoint(least_model(), tmp_path / "w.safetensors", [{"stage": "train"}])
    out = tmp_path / "p.safetensors"
    assert main(["prune", "--weights", str(tmp_path / "w.safetensors"), "--align", "2", "--out", str(out)]) == 0
    written, history = load_checkpoint(out)

    dense = Model(least_model(), [{"stage": "train"}], tmp_path / "w.safetensors")
    done = prune(PruneSettings(weights=dense, align=2))
    assert done.model and same(done.model.detector.state_dict(), written.state_dict())
    assert history[-1].pop("plan_sha256")
    assert history[-1].pop("weights") == "w.safetensors", "seen from the pruned file"
    assert done.model.history == history and [entry["stage"] for entry in history] == ["train", "prune"]
    unfolded = surgery.cut(least_model(), least_flow, done.plan)
    assert not same(done.model.detector.state_dict(), unfolded.state_dict())
    plain = prune(PruneSettings(weights=dense, align=2, fold=False)).model
    assert plain and same(plain.detector.state_dict(), unfolded.state_dict())


def test_the_model_given_stays_and_nothing_is_written(
    tmp_path: Path, least_model: Callable[..., Yolov5], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dense = Model(least_model(), [])
    before = {name: value.clone() for name, value in dense.detector.state_dict().items()}
    done = prune(PruneSettings(weights=dense, percent=0.4, align=1))
    assert same(dense.detector.state_dict(), before) and dense.history == []
    assert (done.out, done.plan_file, list(tmp_path.iterdir())) == (None, None, [])
    assert done.removed_share == pytest.approx(0.4, abs=0.01)
    assert done.after["flops"] < done.before["flops"] and done.after["parameters"] < done.before["parameters"]
    assert done.masked_difference is not None and done.masked_difference <= surgery.TOLERANCE
    assert done.model and done.model.history[-1]["sha256"] == dense.sha256 != done.model.sha256
    html = done._repr_html_()
    assert html.startswith("<table>") and str(done.after["parameters"]) in html


def test_a_plan_alone(tmp_path: Path, least_model: Callable[..., Yolov5]) -> None:
    """Made without pruning, written, and applied by another call."""
    dense = Model(least_model(), [])
    planned = prune(PruneSettings(weights=dense, align=2, plan_only=True))
    assert planned.model is None and planned.plan_file is None and planned.before == {}
    written = prune(PruneSettings(weights=dense, align=2, plan_only=True, out=str(tmp_path / "deep" / "a.json")))
    assert written.to_json() == {
        "plan": str(tmp_path / "deep" / "a.json"),
        "removed_share": planned.removed_share,
        "warning": planned.warning,
    }
    applied = prune(PruneSettings(weights=dense, plan=str(tmp_path / "deep" / "a.json")))
    assert applied.model and applied.plan.groups == planned.plan.groups


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        pytest.param({"percent": 0.5, "flops": "0.4"}, "--flops: not allowed with argument --percent", id="two goals"),
        pytest.param(
            {"percent": 0.5, "plan": "a.json"}, "--plan: not allowed with argument --percent", id="a plan too"
        ),
        pytest.param({"score": "taylor"}, "--score taylor needs --data", id="no images for the loss"),
        pytest.param({"plan": "a.json", "plan_only": True}, "exclude each other", id="a plan out of a plan"),
        pytest.param({"out": "a.pt"}, "expected a file that ends in .safetensors", id="another kind of file"),
        pytest.param({"calibrate": "7 ms"}, "expected a .json that cost --save wrote", id="no calibration"),
        pytest.param({"shortcuts": "gruop"}, "(did you mean 'group'?)", id="misspelt"),
    ],
)
def test_settings_that_contradict(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        PruneSettings(weights="w.safetensors", **values)
    assert sentence in str(caught.value)


def test_what_cutting_costs_is_told_before_any_training(
    tmp_path: Path,
    least_model: Callable[..., Yolov5],
    tiny_data: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The model before scores as `val` says; at percent 0 nothing changes; dense gammas are warned of, once."""
    save_checkpoint(least_model(), tmp_path / "w.safetensors", [])
    data = str(tiny_data())
    same_model = prune(PruneSettings(weights=Model(least_model(), []), percent=0.0, align=1, eval=data))
    assert same_model.scores["before"] == same_model.scores["masked"] == same_model.scores["pruned"]
    assert same_model.warning == ""

    options = ["--weights", str(tmp_path / "w.safetensors"), "--out", str(tmp_path / "p.safetensors")]
    assert main(["prune", *options, "--align", "1", "--eval", data]) == 0
    told = capsys.readouterr()
    assert told.err.count("warning: the gammas are not sparse: ") == 1
    for name in ("before", "masked", "pruned"):
        assert f"{name}: mAP@0.5 " in told.out


def test_a_data_set_of_other_classes_is_told_before_anything_is_written(
    tmp_path: Path, least_model: Callable[..., Yolov5], tiny_data: Callable[..., Path]
) -> None:
    out = tmp_path / "out" / "p.safetensors"
    settings = PruneSettings(
        weights=Model(least_model(), []), align=1, eval=str(tiny_data(names=("x", "y"))), out=str(out)
    )
    with pytest.raises(DataError, match="has the 2 classes"):
        prune(settings)
    assert not out.parent.exists()


def test_ranking_by_saving_wants_a_cost() -> None:
    with pytest.raises(UsageError, match="--rank saving needs a goal that is a cost"):
        PruneSettings(weights="w", rank="saving", percent=0.5)


@pytest.mark.parametrize(
    ("goal", "by_saving"),
    [
        pytest.param({}, False, id="a share of channels, by default"),
        pytest.param({"percent": 0.5}, False, id="a share of channels"),
        pytest.param({"threshold": 0.1}, False, id="a threshold"),
        pytest.param({"uniform": 0.5}, False, id="a share of each layer"),
        pytest.param({"flops": "0.5"}, True, id="FLOPs"),
        pytest.param({"params": "1M"}, True, id="parameters"),
        pytest.param({"latency": 0.5}, True, id="latency"),
    ],
)
def test_the_goal_says_what_ranks(goal: dict[str, Any], by_saving: bool) -> None:
    """A cost is reached by what is lost for each unit of it, unless the user says otherwise."""
    assert PruneSettings(weights="w", **goal).by_saving is by_saving
    assert PruneSettings(weights="w", rank="score", **goal).by_saving is False
    if by_saving:
        assert PruneSettings(weights="w", rank="saving", **goal).by_saving is True


def test_flops_are_reached_by_what_each_saves(least_model: Callable[..., Yolov5]) -> None:
    kept = {}
    for rank in (None, "saving", "score"):
        result = prune(PruneSettings(weights=Model(least_model(), []), flops="0.5", rank=rank, align=1))
        kept[rank] = [group.kept for group in result.plan.groups]
        assert result.model and result.model.history[-1]["settings"]["rank"] == (rank or "saving")
    assert kept[None] == kept["saving"] != kept["score"]
