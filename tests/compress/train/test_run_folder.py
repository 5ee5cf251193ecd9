"""The folder of a run: nothing finished is lost, and a killed run goes on from exactly where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from ultralytics.utils.torch_utils import ModelEMA

from compress.nets.yolov5 import Yolov5
from compress.train.loop import train
from compress.train.optimizer import build_optimizer
from compress.train.run_folder import RunFolder
from compress.train.settings import TrainSettings
from compress.train.state import TrainState
from compress.train.steering import SteeredRate
from deploy.errors import DataError, UsageError
from tests.compress.processes import Forked


class Parts(NamedTuple):
    model: Yolov5
    ema: ModelEMA
    optimizer: torch.optim.Optimizer


@pytest.fixture
def settings(tmp_path: Path) -> TrainSettings:
    (tmp_path / "data.yaml").write_text("names: [a]\n")
    return TrainSettings(str(tmp_path / "data.yaml"), epochs=9)


@pytest.fixture(scope="module")
def parts(least_model: Callable[..., Yolov5]) -> Callable[..., Parts]:
    """A model after one step of training, so that EMA, momentum and batch norm have values of their own."""

    @cache
    def make(seed: int, optimizer: str = "sgd") -> Parts:
        model = least_model(["a"], seed=seed).train()
        made = build_optimizer(model, TrainSettings("data.yaml", optimizer=optimizer))
        ema = ModelEMA(model)
        image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
        sum(output.square().mean() for output in model(image)).backward()
        made.step()
        ema.update(model)
        return Parts(model, ema, made)

    return make


def same(first: Any, second: Any) -> None:
    """Equal to the last bit, through nested lists and mappings."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            same(first[key], second[key])
    elif isinstance(first, list | tuple):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            same(one, other)
    else:
        assert first == second


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_state_round_trip(tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts], optimizer: str) -> None:
    saved, other = parts(0, optimizer), parts(1, optimizer)
    run = RunFolder(tmp_path, "run")
    fresh, resumed = TrainState(*saved), TrainState(*other)
    run.restore(fresh, settings)
    assert (fresh.epoch, fresh.best) == (0, None)
    best = {"epoch": 2, "map50": 0.5, "ap50": {"a": 0.5}}
    run.save(TrainState(*saved, epoch=3, best=best), settings)
    run.last.parent.mkdir()
    for file in (run.best, run.last):
        file.write_bytes(b"as the state has it")
    RunFolder(tmp_path, "run", resume=True).restore(resumed, settings)
    assert (resumed.epoch, resumed.best) == (3, best)
    same(saved.model.state_dict(), other.model.state_dict())
    same(saved.ema.ema.state_dict(), other.ema.ema.state_dict())
    assert saved.ema.updates == other.ema.updates == 1
    same(saved.optimizer.state_dict(), other.optimizer.state_dict())


def test_state_is_tensors_and_plain_values(
    tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts]
) -> None:
    run = RunFolder(tmp_path, "run")
    run.restore(TrainState(*parts(0)), settings)
    run.save(TrainState(*parts(0), epoch=1), settings)
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    parts = {"model", "ema", "updates", "optimizer", "scaler", "steering", "adapters"}
    assert set(state) == {*parts, "epoch", "best", "settings"}
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["state.pt"], "no partial file is left"


def test_the_scale_of_mixed_precision_is_part_of_the_state(
    tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts]
) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    run = RunFolder(tmp_path, "run")
    run.restore(TrainState(*parts(0)), settings)
    run.save(TrainState(*parts(0), scaler, epoch=1), settings)
    restored = torch.amp.GradScaler("cpu", init_scale=2.0)
    RunFolder(tmp_path, "run", resume=True).restore(TrainState(*parts(1), scaler=restored), settings)
    assert restored.state_dict()["scale"] == 8.0


def test_previous_run_moves_aside(tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts]) -> None:
    made = parts(0)
    for number in range(3):
        run = RunFolder(tmp_path / "runs", "run")
        run.restore(TrainState(*made), settings)
        run.log({"number": number})
        run.save(TrainState(*made, epoch=1), settings)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["run", "run.prev"]
    assert json.loads((tmp_path / "runs" / "run" / "results.jsonl").read_text()) == {"number": 2}
    assert json.loads((tmp_path / "runs" / "run.prev" / "results.jsonl").read_text()) == {"number": 1}


def test_nothing_moves_before_the_training_begins(tmp_path: Path) -> None:
    """The checks between the two may still fail, and try after try would push the finished run out."""
    kept = tmp_path / "run" / "weights" / "best.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"best")
    RunFolder(tmp_path, "run")
    assert kept.read_bytes() == b"best"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_runs_without_a_checkpoint_push_nothing_out(
    tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts]
) -> None:
    """NaN in the first epoch, or a kill between its checkpoint and its state: the good run is still in run.prev."""
    kept = tmp_path / "run" / "weights" / "best.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"best")
    made = parts(0)
    for _ in range(3):
        run = RunFolder(tmp_path, "run")
        run.restore(TrainState(*made), settings)
        (tmp_path / "run" / "tensorboard").mkdir()
        run.last.parent.mkdir()
        run.last.write_bytes(b"a single epoch")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds notes\.txt, which would be lost"):
        RunFolder(tmp_path, "run").restore(TrainState(*made), settings)
    assert (tmp_path / "run.prev" / "weights" / "best.safetensors").read_bytes() == b"best"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "../a", "/tmp/a", "a/"],
)
def test_names_that_leave_the_project_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"--name is '{name}', expected the name of one folder"):
        RunFolder(tmp_path / "runs", name)
    assert not list(tmp_path.iterdir())


def test_resume_without_a_state(tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts]) -> None:
    with pytest.raises(DataError, match=r"run: no unfinished run to resume, expected the file state\.pt"):
        RunFolder(tmp_path, "run", resume=True)
    assert not (tmp_path / "run").exists(), "a look leaves nothing behind"
    made, run = parts(0), RunFolder(tmp_path, "run")
    run.restore(TrainState(*made), settings)
    run.save(TrainState(*made, epoch=9), settings)
    run.last.parent.mkdir()
    run.last.write_bytes(b"last")
    run.finish()
    with pytest.raises(DataError, match=r"run: no unfinished run to resume \(it has ended\)"):
        RunFolder(tmp_path, "run", resume=True)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"epochs": 12}, "epochs was 9 and is now 12; cannot resume"),
        ({"lr0": 0.1}, "lr0 was 0.01 and is now 0.1"),
        ({"sr": 0.1}, "sr was 0.0 and is now 0.1"),
        ({"imgsz": 320}, "imgsz was 640 and is now 320"),
    ],
)
def test_resume_with_other_settings(
    tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts], changed: dict[str, Any], sentence: str
) -> None:
    made, run = parts(0), RunFolder(tmp_path, "run")
    run.restore(TrainState(*made), settings)
    run.save(TrainState(*made, epoch=1), settings)
    other = TrainSettings(**{"data": settings.data, "epochs": 9, **changed})
    with pytest.raises(DataError, match=sentence):
        RunFolder(tmp_path, "run", resume=True).restore(TrainState(*made), other)


def test_resume_with_fewer_loading_processes(
    tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts]
) -> None:
    made, run = parts(0), RunFolder(tmp_path, "run")
    run.restore(TrainState(*made), settings)
    run.save(TrainState(*made, epoch=1), settings)
    other = TrainSettings(settings.data, epochs=9, workers=0)
    resumed = TrainState(*made)
    RunFolder(tmp_path, "run", resume=True).restore(resumed, other)
    assert resumed.epoch == 1


def test_resume_with_other_data(tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts]) -> None:
    made, run = parts(0), RunFolder(tmp_path, "run")
    run.restore(TrainState(*made), settings)
    run.save(TrainState(*made, epoch=1), settings)
    Path(settings.data).write_text("names: [b]\n")
    with pytest.raises(DataError, match=r"data sha256 was .* cannot resume"):
        RunFolder(tmp_path, "run", resume=True).restore(TrainState(*made), settings)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("weights", r"weights was aaa and is now bbb; cannot resume"),
        ("images and labels", r"images and labels was aaa and is now bbb; cannot resume"),
    ],
)
def test_resume_with_other_inputs(
    tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts], name: str, sentence: str
) -> None:
    made, run = parts(0), RunFolder(tmp_path, "run")
    run.inputs[name] = "aaa"
    run.restore(TrainState(*made), settings)
    run.save(TrainState(*made, epoch=1), settings)
    again = RunFolder(tmp_path, "run", resume=True)
    again.inputs[name] = "bbb"
    with pytest.raises(DataError, match=sentence):
        again.restore(TrainState(*made), settings)


def test_one_of_several_processes_writes(tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts]) -> None:
    made = parts(0)
    RunFolder(tmp_path, "run").restore(TrainState(*made), settings, writes=False)
    assert not (tmp_path / "run").exists()
    run = RunFolder(tmp_path, "run")
    run.restore(TrainState(*made), settings)
    for epoch in (1, 2):
        run.log({"epoch": epoch})
    run.save(TrainState(*made, epoch=1), settings)
    RunFolder(tmp_path, "run", resume=True).restore(TrainState(*made), settings, writes=False)
    assert len((tmp_path / "run" / "results.jsonl").read_text().splitlines()) == 2


def test_the_steering_of_sr_is_part_of_the_state(
    tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts]
) -> None:
    made, gammas = parts(0), torch.linspace(0.1, 1, 10)
    steered = TrainSettings(settings.data, epochs=9, target_share=0.5)
    first, second = (SteeredRate(steered, gammas, 10) for _ in range(2))
    first.observe(0, gammas * 0.7, gammas * 0.7, 0.1)
    run = RunFolder(tmp_path, "run")
    run.restore(TrainState(*made), steered)
    run.save(TrainState(*made, steering=first, epoch=1), steered)
    RunFolder(tmp_path, "run", resume=True).restore(TrainState(*made, steering=second), steered)
    assert second.state_dict() == first.state_dict()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="cut short"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"no state at all", id="another file"),
        pytest.param(lambda data: b"cos\nmkdir\n(S'executed'\ntR.", id="a pickle with code in it"),
    ],
)
def test_damaged_state(
    tmp_path: Path,
    settings: TrainSettings,
    parts: Callable[..., Parts],
    damage: Callable[[bytes], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    made, run = parts(0), RunFolder(tmp_path, "run")
    run.restore(TrainState(*made), settings)
    run.save(TrainState(*made, epoch=1), settings)
    state = tmp_path / "run" / "state.pt"
    state.write_bytes(damage(state.read_bytes()))
    with pytest.raises(DataError, match=r"state\.pt: cannot be resumed") as caught:
        RunFolder(tmp_path, "run", resume=True).restore(TrainState(*made), settings)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "executed").exists()


def test_state_of_another_model(
    tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts], least_model: Callable[..., Yolov5]
) -> None:
    made, run = parts(0), RunFolder(tmp_path, "run")
    run.restore(TrainState(*made), settings)
    run.save(TrainState(*made, epoch=1), settings)
    wider = least_model(["a"], width_multiple=0.25)
    with pytest.raises(DataError, match=r"state\.pt: cannot be resumed \(RuntimeError: "):
        RunFolder(tmp_path, "run", resume=True).restore(TrainState(wider, ModelEMA(wider), made.optimizer), settings)


def test_rows_of_an_epoch_that_was_not_finished_go(
    tmp_path: Path, settings: TrainSettings, parts: Callable[..., Parts]
) -> None:
    """Killed between the log and the state of epoch 3: epoch 3 runs again and must not be listed twice."""
    made, run = parts(0), RunFolder(tmp_path, "run")
    run.restore(TrainState(*made), settings)
    for epoch in (1, 2, 3):
        run.log({"epoch": epoch})
    run.save(TrainState(*made, epoch=2), settings)
    RunFolder(tmp_path, "run", resume=True).restore(TrainState(*made), settings)
    rows = (tmp_path / "run" / "results.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2]


def hold(folder: Path) -> None:
    with RunFolder(folder, "run").alone():
        (folder / "in").touch()
        time.sleep(300)


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    """A second one would move the first one's folder aside while that writes into it."""
    holder, within = Forked(hold, tmp_path, folder=tmp_path), tmp_path / "in"
    try:
        while not within.exists() and holder.code is None:
            time.sleep(0.01)
        within.unlink()
        told = r"run: another training is writing to it; give this one another --name$"
        with pytest.raises(UsageError, match=told), RunFolder(tmp_path, "run").alone():
            pytest.fail("both are in")
        with RunFolder(tmp_path, "other").alone():
            pass
    finally:
        holder.kill()
        holder.end()
    with RunFolder(tmp_path, "run").alone():
        pass  # one that was killed locks nobody out
    assert not list(tmp_path.iterdir()), "nothing is left of the lock"


def test_a_training_takes_the_lock(
    tmp_path: Path, least_model: Callable[..., Yolov5], tiny_data: Callable[..., Path]
) -> None:
    settings = TrainSettings(str(tiny_data()), epochs=1, imgsz=64, batch_size=2, workers=0)
    runs = tmp_path / "runs"
    with RunFolder(runs, "run").alone(), pytest.raises(UsageError, match="another training is writing to it"):
        train(least_model(), [], settings, RunFolder(runs, "run"), "train")
    assert not (runs / "run").exists(), "refused before anything is written"


@pytest.mark.parametrize("name", ["docs", "docs.prev"])
def test_a_folder_that_is_no_run_is_refused_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "index.md").write_text("dear")
    with pytest.raises(UsageError, match=f"{name}: exists and is no training run"):
        RunFolder(tmp_path, "docs")
    assert (tmp_path / name / "index.md").read_text() == "dear"


@pytest.mark.parametrize("gone", ["best", "last"])
def test_a_run_whose_checkpoint_is_gone_does_not_go_on(
    tmp_path: Path, parts: Callable[..., Parts], settings: TrainSettings, gone: str
) -> None:
    made = TrainState(*parts(0))
    run = RunFolder(tmp_path, "a")
    run.restore(made, settings)
    run.last.parent.mkdir()
    for file in (run.best, run.last):
        file.write_text("x")
    made.epoch, made.best = 1, {"epoch": 1}
    run.save(made, settings)
    (run.best if gone == "best" else run.last).unlink()
    with pytest.raises(DataError, match=rf"{gone}\.safetensors: is gone"):
        RunFolder(tmp_path, "a", resume=True).restore(TrainState(*parts(0)), settings)
