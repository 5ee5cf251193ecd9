"""Learning from a teacher: through the stages, over an interruption, and who may teach."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from compress.nets.yolov5 import Yolov5
from compress.stages.model import Model
from compress.stages.prune import prune
from compress.stages.prune_settings import PruneSettings
from compress.stages.teacher import teacher_of
from compress.stages.train import DenseSettings, FinetuneSettings, SparsifySettings, finetune, loop_settings, sparsify
from compress.train.run_folder import RunFolder
from deploy.errors import ModelError, UsageError

FAST: dict[str, Any] = {"imgsz": 64, "batch_size": 4, "workers": 0}


@pytest.fixture
def pruned(tmp_path: Path, least_model: Callable[..., Yolov5]) -> Path:
    """A pruned checkpoint in a folder of its own, its unpruned one in another."""
    dense = Model(least_model(), [{"stage": "train"}]).save(tmp_path / "dense" / "w.safetensors")
    out = tmp_path / "small" / "pruned.safetensors"
    prune(PruneSettings(weights=str(dense), percent=0.3, align=1, out=str(out)))
    return out


def rows(best: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (best.parents[1] / "results.jsonl").read_text().splitlines()]


def test_the_teacher_is_listened_to_until_whole_images_begin(
    tmp_path: Path, pruned: Path, tiny_data: Callable[..., Path]
) -> None:
    options = {"weights": str(pruned), "data": str(tiny_data()), "project": str(tmp_path), "close_mosaic": 1, **FAST}
    taught = finetune(FinetuneSettings(teacher="unpruned", distill_features=0.5, epochs=2, **options))
    assert [row["distillation"] > 0 for row in rows(taught.best)] == [True, False]
    assert set(taught.model.detector.state_dict()) == set(Model(*_opened(pruned)).detector.state_dict())
    alone = finetune(FinetuneSettings(name="alone", epochs=1, **options))
    assert "distillation" not in rows(alone.best)[0]


def _opened(file: Path) -> tuple[Any, list[dict[str, Any]]]:
    from compress.nets.weights import open_weights

    return open_weights(file)


def test_a_killed_run_goes_on_with_what_its_adapters_learnt(
    tmp_path: Path, pruned: Path, tiny_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"weights": str(pruned), "teacher": "unpruned", "distill_features": 1.0, "data": str(tiny_data())}
    options |= {"project": str(tmp_path), "epochs": 2, "close_mosaic": 0, **FAST}
    whole = finetune(FinetuneSettings(name="whole", **options))

    save = RunFolder.save

    def killed(*arguments: Any) -> None:
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(RunFolder, "save", killed)
        finetune(FinetuneSettings(name="broken", **options))
    resumed = finetune(FinetuneSettings(name="broken", resume=True, **options))
    expected, found = (done.model.detector.state_dict() for done in (whole, resumed))
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_a_sparse_run_can_be_taught(
    tmp_path: Path, least_model: Callable[..., Yolov5], tiny_data: Callable[..., Path]
) -> None:
    dense = Model(least_model(), [])
    settings = SparsifySettings(
        weights=dense, teacher=dense, data=str(tiny_data()), project=str(tmp_path), sr=0.1, epochs=1, **FAST
    )
    assert rows(sparsify(settings).best)[0]["distillation"] > 0


def test_what_starts_from_a_finished_model_starts_gently() -> None:
    for settings in (FinetuneSettings(data="d", weights="w"), SparsifySettings(data="d")):
        told = loop_settings(settings)
        assert (told.warmup_epochs, told.warmup_steps, told.warmup_bias_lr) == (1.0, 0, 0.0)
    dense = loop_settings(DenseSettings(data="d"))
    assert (dense.warmup_epochs, dense.warmup_steps, dense.warmup_bias_lr) == (3.0, 100, 0.1)


def gone(pruned: Path) -> None:
    (pruned.parents[1] / "dense" / "w.safetensors").unlink()


def trained_on(pruned: Path) -> None:
    file = pruned.parents[1] / "dense" / "w.safetensors"
    model, history = _opened(file)
    Model(model, [*history, {"stage": "train"}]).save(file)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(gone, r"w\.safetensors, the model before pruning, is gone", id="deleted"),
        pytest.param(trained_on, r"w\.safetensors has changed since the weights were pruned", id="changed"),
    ],
)
def test_the_unpruned_model_is_not_what_it_was(pruned: Path, spoil: Callable[[Path], None], reason: str) -> None:
    spoil(pruned)
    student = Model(*_opened(pruned), pruned)
    with pytest.raises(UsageError, match=reason):
        teacher_of(FinetuneSettings(data="d", weights=str(pruned), teacher="unpruned"), student)


def test_never_pruned(least_model: Callable[..., Yolov5]) -> None:
    settings = FinetuneSettings(data="d", weights="w", teacher="unpruned")
    with pytest.raises(UsageError, match="were never pruned here"):
        teacher_of(settings, Model(least_model(), [{"stage": "train"}]))


def test_a_teacher_of_other_classes(
    tmp_path: Path, least_model: Callable[..., Yolov5], tiny_data: Callable[..., Path]
) -> None:
    settings = FinetuneSettings(
        weights=Model(least_model(), []),
        teacher=Model(least_model(names=("x", "y")), []),
        data=str(tiny_data()),
        project=str(tmp_path),
        **FAST,
    )
    with pytest.raises(ModelError, match="the teacher's classes are"):
        finetune(settings)
