"""The training loop on a detector and a data set that train in a second."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from compress.channels.flow import channel_flow, example_image
from compress.channels.prunable_gammas import prunable_gammas
from compress.nets.checkpoint import load_checkpoint
from compress.nets.yolov5 import Yolov5
from compress.prune import surgery
from compress.prune.choose import choose
from compress.train import loop
from compress.train.loop import TrainResult, fitness, train
from compress.train.penalised import penalised
from compress.train.run_folder import RunFolder
from compress.train.settings import TrainSettings
from deploy.errors import DataError, ReportedError, UsageError

Model = Callable[..., Yolov5]
Data = Callable[..., Path]


@pytest.fixture
def go(tmp_path: Path, tiny_data: Data) -> Callable[..., TrainResult]:
    """Trains a model on the tiny data set at 64 px in tmp_path/runs/<name>."""
    file = tiny_data()

    def run(
        model: Yolov5,
        name: str = "run",
        resume: bool = False,
        stage: str = "train",
        history: list[dict[str, Any]] | None = None,
        **settings: Any,
    ) -> TrainResult:
        chosen = {"epochs": 2, "batch_size": 4, "imgsz": 64, "workers": 0, **settings}
        folder = RunFolder(tmp_path / "runs", name, resume)
        return train(model, history or [], TrainSettings(str(file), **chosen), folder, stage)

    return run


def rows(result_or_folder: TrainResult | Path) -> list[dict[str, Any]]:
    folder = result_or_folder if isinstance(result_or_folder, Path) else result_or_folder.best.parents[1]
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def losses(result: TrainResult) -> np.ndarray:
    return np.array([[row["box"], row["objectness"], row["classes"]] for row in rows(result)])


def at_training_step(model: Yolov5, step: int, act: Callable[[], None]) -> Yolov5:
    """Let something happen while the model works on training step `step`, counted from 1; validation does not count."""
    count = 0

    def hook(module: nn.Module, *_: Any) -> None:
        nonlocal count
        if module is model and module.training:
            count += 1
            if count == step:
                act()

    model.register_forward_pre_hook(hook)
    return model


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_plan_is_what_a_sparse_run_brings_to_zero(
    go: Callable[..., TrainResult], least_model: Model, tmp_path: Path
) -> None:
    """Its gammas and no other ones; cut by the same plan the model computes what it computed."""
    model = least_model()
    flow = channel_flow(model, example_image(model))
    plan = choose(model, flow, 0.4, align=2)
    plan.save(tmp_path / "plan.json")
    masks = penalised(model, "group", (), tmp_path / "plan.json")
    before = {name: model.get_parameter(f"{name}.weight").detach().clone() for name in masks}
    done = go(model, stage="sparsify", sr=40.0, sparsity="proximal", epochs=3, plan=str(tmp_path / "plan.json"))
    sparse, history = load_checkpoint(done.best)
    assert history[-1]["settings"]["plan"] == "plan.json"
    shares = []
    for name, mask in masks.items():
        gamma = sparse.get_parameter(f"{name}.weight").detach()
        shares += (gamma.abs() / before[name].abs())[mask].tolist()
        kept = (gamma / before[name])[~mask]
        assert not len(kept) or float((kept - 1).abs().max()) < 0.2, "the others stay free"
    assert shares and max(shares) < 0.5


def test_what_a_run_leaves_behind(
    least_model: Model, go: Callable[..., TrainResult], capsys: pytest.CaptureFixture[str]
) -> None:
    before = [{"stage": "import", "file": "x.pt"}]
    result = go(least_model(imgsz=640), history=before, epochs=3, workers=1, stage="finetune")
    folder = result.best.parents[1]
    assert sorted(path.name for path in folder.iterdir()) == ["results.jsonl", "tensorboard", "weights"]
    assert (result.best, result.last) == tuple(folder / "weights" / f"{n}.safetensors" for n in ("best", "last"))
    board = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in board.Scalars("box")] == [
        (row["epoch"], pytest.approx(row["box"])) for row in rows(result)
    ]

    found = rows(result)
    assert [row["epoch"] for row in found] == [1, 2, 3]
    keys = {"epoch", "box", "objectness", "classes", "map50", "map50_95", "f1", "near_zero_gammas", "sr", "seconds"}
    assert all(set(row) == keys for row in found)
    assert fitness(result.metrics) >= max(fitness(row) for row in found) - 1e-6, "or more, with a longer average"
    assert result.epoch == result.metrics["epoch"] == 1 + int(np.argmax([fitness(row) for row in found]))
    assert set(result.metrics) == {"epoch", "map50", "map75", "map50_95", "f1", "f1_confidence", "ap50"}
    assert set(result.metrics["ap50"]) == {"a", "b", "c"}

    last, history = load_checkpoint(result.last)
    assert (last.names, last.imgsz) == (["a", "b", "c"], 64)
    assert history[:-1] == before
    assert history[-1]["stage"] == "finetune"
    assert history[-1]["settings"]["epochs"] == 3 and history[-1]["settings"]["data"] == "data.yaml"
    assert history[-1]["val"] == {key: value for key, value in found[-1].items() if key != "seconds"}
    assert load_checkpoint(result.best)[1][-1]["val"]["epoch"] == result.epoch

    shown = capsys.readouterr()
    assert shown.out == "", "stdout is for data"
    assert "finetune 3/3  box " in shown.err


def test_batch_norm_is_averaged_over_as_many_of_the_last_images_as_the_settings_say(
    least_model: Model, go: Callable[..., TrainResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(TrainSettings, "recalibration_images", lambda self, epoch: (3, 4, 5)[epoch])
    monkeypatch.setattr(loop, "recalibrate", lambda model, batches: seen.append(len(list(batches))))
    go(least_model(), epochs=3, batch_size=4)
    assert seen == [1, 1, 2, 4], "and over the whole set twice for the checkpoint that is kept"


@pytest.mark.parametrize(
    ("f1", "kept"),
    [pytest.param(0.7, True, id="val agrees"), pytest.param(0.5, False, id="no better: what was there stays")],
)
def test_the_kept_checkpoint_has_the_longer_average_where_val_agrees(
    least_model: Model,
    go: Callable[..., TrainResult],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    f1: float,
    kept: bool,
) -> None:
    """Of the best epoch, not the last one; its weights are what they were."""
    scores = iter([0.2, 0.5, 0.1, f1])

    def score(*_: Any) -> dict[str, Any]:
        found = next(scores)
        return {"map50": found, "map75": 0.0, "map50_95": found, "f1": found, "f1_confidence": 0.5, "ap50": {}}

    found: list[nn.Module] = []

    def average(model: nn.Module, batches: Any) -> None:
        images = sum(len(batch) for batch in batches)
        found.append(copy.deepcopy(model))
        for norm in model.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.fill_(images)

    monkeypatch.setattr("compress.train.loop.Validator.__call__", score)
    monkeypatch.setattr(loop, "recalibrate", average)
    monkeypatch.setattr(TrainSettings, "final_images", staticmethod(lambda images: 3 * images))
    result = go(least_model(), epochs=3, batch_size=4)
    best, history = load_checkpoint(result.best)
    assert all(torch.equal(best.get_parameter(name), value) for name, value in found[1].named_parameters())
    means = {
        float(value) for name, value in best.state_dict().items() if name.endswith("running_mean") for value in value
    }
    assert (means == {24.0}) is kept
    told = history[-1]["val"]
    assert (told["epoch"], told["map50"], told.get("batch_norm_images")) == (2, max(0.5, f1), 24 if kept else None)
    assert (result.epoch, result.metrics["map50"]) == (2, max(0.5, f1))
    assert [row["map50"] for row in rows(result)] == [0.2, 0.5, 0.1], "an epoch is noted as it was"
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("train: with batch norm averaged over 24 images the best epoch has mAP@0.5 ")
    assert line.endswith("  best" if kept else ", which is not kept")


def test_the_model_learns(least_model: Model, go: Callable[..., TrainResult]) -> None:
    found = losses(
        go(
            least_model(),
            epochs=8,
            optimizer="adam",
            lr0=0.02,
            warmup_steps=0,
            augmentation={"mosaic": 0.0, "scale": 0.0},
        )
    ).sum(1)
    assert found[-3:].mean() < 0.9 * found[:3].mean()


def test_other_classes_than_the_data(least_model: Model, go: Callable[..., TrainResult], tmp_path: Path) -> None:
    """Refused before anything happens: the run of that name stays where it is."""
    kept = tmp_path / "runs" / "run" / "weights" / "best.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"best")
    for names in (["a", "b"], ["a", "b", "d"], ["b", "a", "c"]):
        with pytest.raises(DataError, match=r"data\.yaml: has the 3 classes a, b, c, the weights have \d: " + names[0]):
            go(least_model(names))
    assert kept.read_bytes() == b"best"


@pytest.mark.parametrize(
    ("step", "settings"),
    [
        pytest.param(3, {"sr": 0.01, "sparsity": "proximal"}, id="at the first step of epoch 2, with sparsity"),
        pytest.param(6, {"optimizer": "adam", "lr0": 0.002}, id="in the middle of epoch 3, with Adam"),
    ],
)
def test_a_killed_run_goes_on_as_if_nothing_had_been(
    least_model: Model,
    go: Callable[..., TrainResult],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    step: int,
    settings: dict[str, Any],
) -> None:
    unbroken = go(least_model(), "unbroken", epochs=3, **settings)
    with pytest.raises(KeyboardInterrupt):
        go(at_training_step(least_model(), step, interrupt), "killed", epochs=3, **settings)
    done = (step - 1) // 2
    assert [row["epoch"] for row in rows(tmp_path / "runs" / "killed")] == list(range(1, done + 1))

    resumed = go(least_model(seed=1), "killed", resume=True, epochs=3, **settings)
    assert f"goes on after epoch {done}" in capsys.readouterr().err
    assert [row["epoch"] for row in rows(resumed)] == [1, 2, 3]
    np.testing.assert_allclose(losses(resumed), losses(unbroken), rtol=0.01)
    assert resumed.epoch == unbroken.epoch
    assert not (tmp_path / "runs" / "killed" / "state.pt").exists()
    expected, found = (load_checkpoint(result.last)[0].state_dict() for result in (unbroken, resumed))
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-3, atol=1e-4)


def test_nan_ends_the_run_and_spares_what_it_had(
    least_model: Model, go: Callable[..., TrainResult], tmp_path: Path
) -> None:
    model = least_model()

    def spoil() -> None:
        with torch.no_grad():
            model.head.m[0].bias.fill_(float("nan"))

    at_training_step(model, 4, spoil)
    with pytest.raises(ReportedError, match="train: the loss is nan in epoch 2, step 2: try a smaller --lr0") as caught:
        go(model)
    assert caught.value.exit_code == 1
    folder = tmp_path / "runs" / "run"
    assert [row["epoch"] for row in rows(folder)] == [1]
    for name in ("best", "last"):
        kept, history = load_checkpoint(folder / "weights" / f"{name}.safetensors")
        assert history[-1]["val"]["epoch"] == 1
        assert all(torch.isfinite(value).all() for value in kept.state_dict().values())
    assert go(least_model(), resume=True).last.is_file()


def gammas(result: TrainResult) -> torch.Tensor:
    model, _ = load_checkpoint(result.last)
    return torch.cat([m.weight.detach().abs() for m in model.modules() if isinstance(m, nn.BatchNorm2d)])


def test_sparsity_pulls_gammas_down(least_model: Model, go: Callable[..., TrainResult]) -> None:
    common = {"epochs": 3, "lr0": 0.05}
    plain = go(least_model(), "plain", **common)
    assert rows(plain)[-1]["near_zero_gammas"] is None
    sparse = {}
    for rule in ("subgradient", "proximal"):
        sparse[rule] = go(least_model(), rule, stage="sparsify", sr=3.0, sparsity=rule, **common)
        assert gammas(sparse[rule]).mean() < 0.9 * gammas(plain).mean(), rule
        shares = [row["near_zero_gammas"] for row in rows(sparse[rule])]
        assert 0 <= shares[0] < shares[-1] <= 1, rule
        assert sparse[rule].epoch == 3, "the sparsest epoch is wanted, not the one with the best mAP"
        model, history = load_checkpoint(sparse[rule].best)
        batches = {int(m.num_batches_tracked or 0) for m in model.modules() if isinstance(m, nn.BatchNorm2d)}
        assert batches == {2}, "the statistics are those of the last epoch's two batches"
        entry = history[-1]
        assert (entry["stage"], entry["settings"]["sparsity"], entry["settings"]["sr"]) == ("sparsify", rule, 3.0)
    # the soft threshold stops at 0, the subgradient steps over it; the saved EMA keeps a trace of the start
    gone = {rule: float((gammas(result) < 1e-6).float().mean()) for rule, result in sparse.items()}
    assert gone["proximal"] > 0.1 > gone["subgradient"]


def test_the_best_epoch_by_either_measure() -> None:
    metrics = {"map50": 0.6, "map50_95": 0.4, "f1": 0.7}
    assert (fitness(metrics), fitness(metrics, "map"), fitness(metrics, "f1")) == (pytest.approx(0.42),) * 2 + (0.7,)


def test_a_run_chosen_by_f1_keeps_the_epoch_of_the_highest_f1(
    least_model: Model, go: Callable[..., TrainResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """F1 falls while mAP rises: the first epoch is the best one."""
    scores = iter([0.9, 0.5, 0.1, 0.3])

    def score(*_: Any) -> dict[str, Any]:
        f1 = next(scores)
        return {"map50": 1 - f1, "map75": 0.0, "map50_95": 1 - f1, "f1": f1, "f1_confidence": 0.5, "ap50": {}}

    monkeypatch.setattr("compress.train.loop.Validator.__call__", score)
    result = go(least_model(), epochs=3, select="f1")
    assert (result.epoch, result.metrics["f1"]) == (1, 0.9)
    assert load_checkpoint(result.best)[1][-1]["settings"]["select"] == "f1"


def test_which_gammas_are_penalised(tiny_model: Model) -> None:
    """With `keep`, those that shortcuts add up are left out; in both cases in the network's order."""
    model = tiny_model()
    order = [name for name, _ in model.named_modules()]
    grouped, kept = prunable_gammas(model, "group"), prunable_gammas(model, "keep")
    for found in (grouped, kept):
        assert list(found) == sorted(found, key=order.index)
    left_out = grouped.keys() - kept.keys()
    assert {"model.2.cv1.bn", "model.2.m.0.cv2.bn"} <= left_out and "model.2.m.0.cv1.bn" in kept
    assert not any(name.startswith("model.13") for name in left_out), "the neck has no shortcuts"


def test_what_prune_will_keep_is_not_penalised(go: Callable[..., TrainResult], least_model: Model) -> None:
    """The gammas of protected layers stay where a learning rate of nearly 0 leaves them, the others shrink."""
    model = least_model()
    before = {name: gamma.detach().clone() for name, gamma in prunable_gammas(model, "group").items()}
    patterns = ["model.3.m.*.cv1", "model.5"]
    free = prunable_gammas(model, "group", patterns)
    kept = before.keys() - free.keys()
    assert {"model.3.m.0.cv1.bn", "model.5.cv1.bn", "model.5.cv2.bn"} <= kept and "model.8.m.0.cv1.bn" in free
    done = go(model, stage="sparsify", sr=40.0, sparsity="proximal", epochs=2, protect=patterns)
    sparse, history = load_checkpoint(done.best)
    assert history[-1]["settings"]["protect"] == patterns
    left = {
        name: float((sparse.get_parameter(f"{name}.weight").detach() / before[name]).abs().mean()) for name in before
    }
    assert all(left[name] > 0.9 for name in kept) and all(left[name] < 0.6 for name in free), left


@pytest.mark.parametrize(
    ("patterns", "sentence"),
    [
        pytest.param(["model.2.cv9"], "--protect model.2.cv9 matches none of the", id="a layer that is not there"),
        pytest.param(["*"], "no gamma is left to penalise", id="every layer"),
    ],
)
def test_layers_that_cannot_be_protected(
    go: Callable[..., TrainResult], least_model: Model, tmp_path: Path, patterns: list[str], sentence: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(sentence)):
        go(least_model(), stage="sparsify", sr=0.1, protect=patterns)
    assert not (tmp_path / "runs").exists()


def test_a_run_goes_on_that_was_begun_before_layers_could_be_protected() -> None:
    """Its state has no such key."""
    assert "protect" not in TrainSettings("d").as_plain()
    assert TrainSettings("d", protect=("model.0",)).as_plain()["protect"] == ["model.0"]


def test_a_run_that_the_steering_ends(least_model: Model, go: Callable[..., TrainResult]) -> None:
    """All gammas near zero but a few from the start: the first look finds the histogram split."""
    model = least_model()
    with torch.no_grad():
        for gamma in prunable_gammas(model, "group").values():
            gamma.copy_(torch.where(torch.arange(len(gamma)) % 4 == 0, 1.0, 0.001))
    result = go(model, epochs=5, target_share=0.6, lr0=1e-4, stage="sparsify")
    assert result.stopped.endswith("of the gammas are near 0 and the others stand apart")
    (row,) = rows(result)
    assert row["sr"] > 0 and row["near_zero_gammas"] > 0.7
    folder = result.best.parents[1]
    assert not (folder / "state.pt").exists() and len((folder / "gammas.jsonl").read_text().splitlines()) == 1


def test_a_pruned_model_keeps_its_shapes(least_model: Model, go: Callable[..., TrainResult]) -> None:
    model = least_model()
    flow = channel_flow(model, torch.zeros(1, 3, 64, 64))
    slim, _ = surgery.prune(model, flow, choose(model, flow, 0.4, 2))
    before = {key: value.shape for key, value in slim.state_dict().items()}
    assert before != {key: value.shape for key, value in model.state_dict().items()}
    result = go(slim, stage="finetune")
    for file in (result.best, result.last):
        assert {key: value.shape for key, value in load_checkpoint(file)[0].state_dict().items()} == before


def test_bad_images_are_reported_and_left_out(
    least_model: Model, tiny_data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cut short, empty, and too flat for the chip to resize: none of them ends the run."""
    file = tiny_data(folder="spoilt")
    images = file.parent / "images"
    whole = (images / "train" / "train0.jpg").read_bytes()
    (images / "train" / "train0.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "val" / "val0.jpg").write_bytes(b"")
    cv2.imwrite(str(images / "val" / "flat.jpg"), np.zeros((4, 400, 3), np.uint8))
    settings = TrainSettings(str(file), epochs=1, batch_size=4, imgsz=64, workers=0)
    assert train(least_model(), [], settings, RunFolder(tmp_path / "runs", "run"), "train").last.is_file()
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 3
    for name, warning in zip(("train0.jpg", "val0.jpg", "flat.jpg"), sorted(warnings, key=warnings.index), strict=True):
        assert name in warning
