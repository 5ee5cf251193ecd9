"""Training as a function: what the loop is told, where it starts, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torchvision.models.convnext import CNBlockConfig, ConvNeXt

from compress.nets.family import architecture
from compress.nets.yolov5 import Yolov5
from compress.stages.model import Model
from compress.stages.train import (
    DenseSettings,
    FinetuneSettings,
    SparsifySettings,
    finetune,
    loop_settings,
    sparsify,
    train,
)
from compress.train.settings import TrainSettings
from deploy.errors import UsageError

FAST: dict[str, Any] = {"epochs": 1, "imgsz": 64, "batch_size": 4, "workers": 0}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        pytest.param(DenseSettings(data="d"), (0.0, 0.0), id="dense: no penalty"),
        pytest.param(FinetuneSettings(data="d", weights="w"), (0.0, 0.0), id="fine-tuning: no penalty"),
        pytest.param(SparsifySettings(data="d"), (0.0, 0.5), id="sparse: steered, since the steps decide"),
        pytest.param(SparsifySettings(data="d", sr=0.02, target_share=0.9), (0.02, 0.0), id="a rate of one's own"),
        pytest.param(SparsifySettings(data="d", sr="auto", target_share=0.3), (0.0, 0.3), id="steered to a share"),
    ],
)
def test_what_the_loop_is_told(settings: TrainSettings, told: tuple[float, float]) -> None:
    loop = loop_settings(settings)
    assert type(loop) is TrainSettings
    assert (loop.sr, loop.target_share) == told
    assert (loop.data, loop.lr0, loop.epochs) == (settings.data, settings.lr0, settings.epochs)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        pytest.param({}, (0.5, 2.0, None), id="steered by share and mAP"),
        pytest.param({"map_drop": 0.5}, (0.5, 0.5, None), id="a bound of one's own"),
        pytest.param({"sr": 0.01}, (0.0, 0.0, None), id="a fixed rate asks nothing"),
        pytest.param({"plan": "p.json", "target_share": 0.3}, (0.95, 2.0, "p.json"), id="of a plan nearly all"),
        pytest.param({"plan": "p.json", "sr": 0.01}, (0.0, 0.0, "p.json"), id="a plan at a fixed rate"),
    ],
)
def test_what_a_sparse_run_is_told(values: dict[str, Any], told: tuple[float, float, str | None]) -> None:
    loop = loop_settings(SparsifySettings(data="d", **values))
    assert (loop.target_share, loop.map_drop, loop.plan) == told


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        pytest.param({"sr": -1.0}, "--sr is -1.0, expected 0 to 100", id="a negative rate"),
        pytest.param({"sr": "much"}, "--sr is 'much', expected", id="a word"),
        pytest.param({"sr": "auto", "target_share": 0.99}, "--target-share is 0.99, expected 0.05 to 0.95", id="share"),
        pytest.param({"epochs": 0}, "--epochs is 0, expected 1 to 100000", id="no epochs"),
        pytest.param({"plan": "p.json", "protect": ("model.0",)}, "--plan and --protect exclude", id="a plan decides"),
        pytest.param({"protect": "model.0"}, "--protect is 'model.0', expected a list", id="no list"),
        pytest.param({"sparsity": "l2"}, "--sparsity is 'l2', expected one of subgradient, proximal", id="no rule"),
    ],
)
def test_settings_out_of_range(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        SparsifySettings(data="d", **values)
    assert str(caught.value).startswith(sentence)


def test_stages_in_memory(
    tmp_path: Path,
    least_model: Callable[..., Yolov5],
    tiny_data: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A model in memory is trained as a copy; results hand on models with their history; stdout stays empty."""
    data, project = str(tiny_data()), str(tmp_path / "runs")
    dense = Model(least_model(), [{"stage": "train"}])
    before = {name: value.clone() for name, value in dense.detector.state_dict().items()}
    sparse = sparsify(SparsifySettings(weights=dense, data=data, project=project, sr=0.1, **FAST))
    assert all(torch.equal(value, before[name]) for name, value in dense.detector.state_dict().items())
    assert sparse.best == tmp_path / "runs" / "sparsify" / "weights" / "best.safetensors" and sparse.best.is_file()
    assert sparse.metrics["map50"] == sparse.to_json()["map50"] and sparse.to_json()["best"] == str(sparse.best)
    assert "<td>" in sparse._repr_html_()
    tuned = finetune(FinetuneSettings(weights=sparse.model, data=data, project=project, name="again", **FAST))
    assert [entry["stage"] for entry in tuned.model.history] == ["train", "sparsify", "finetune"]
    assert tuned.best.parent.parent.name == "again"
    assert capsys.readouterr().out == ""


def test_another_data_set_is_told_of(tmp_path: Path, least_model: Callable[..., Yolov5], tiny_data: Any) -> None:
    said: list[str] = []
    settings = DenseSettings(
        weights=Model(least_model(), []), data=str(tiny_data(["a", "b"])), project=str(tmp_path / "runs"), **FAST
    )
    done = train(settings, said.append)
    assert said == [f"the head starts anew for the 2 classes of {settings.data}"]
    assert done.model.names == ["a", "b"]


@pytest.mark.parametrize(
    ("stage", "settings", "sentence"),
    [
        pytest.param(finetune, FinetuneSettings, "--weights is missing: finetune needs", id="finetune"),
        pytest.param(train, DenseSettings, "neither --weights nor --cfg is given", id="train"),
    ],
)
def test_nothing_to_start_from(stage: Any, settings: Any, sentence: str, tiny_data: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match=sentence):
        stage(settings(data=str(tiny_data()), **FAST))


def test_a_backbone_starts_from_a_classifiers_weights(tmp_path: Path, tiny_data: Callable[..., Path]) -> None:
    stages = [CNBlockConfig(8, 16, 1), CNBlockConfig(16, 32, 1), CNBlockConfig(32, 64, 3), CNBlockConfig(64, None, 1)]
    classifier = ConvNeXt(stages)
    torch.save(classifier.state_dict(), tmp_path / "classifier.pth")
    arch = {**architecture("yolov5n-convnext", 3), "width_multiple": 0.0833, "depth_multiple": 0.34}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(arch))
    settings = DenseSettings(
        cfg=str(tmp_path / "small.yaml"),
        backbone=str(tmp_path / "classifier.pth"),
        data=str(tiny_data()),
        project=str(tmp_path / "runs"),
        optimizer="adamw",
        lr0=1e-6,
        weight_decay=0.05,
        **FAST,
    )
    done = train(settings)
    assert [entry["stage"] for entry in done.model.history] == ["import", "train"]
    assert done.model.history[0]["file"] == "classifier.pth"
    found = done.model.detector.model[6].conv.weight  # type: ignore[union-attr]
    torch.testing.assert_close(found, classifier.features[6][1].weight, atol=1e-4, rtol=0)


def test_a_backbone_beside_weights_is_refused() -> None:
    with pytest.raises(UsageError, match="--backbone and --weights exclude each other"):
        DenseSettings(data="d", weights="w", backbone="b")
