"""Checkpoints of the ultralytics package, written by the package itself, and what must not be read from them."""

from __future__ import annotations

import copy
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from ultralytics import YOLO
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils import IterableSimpleNamespace

from compress.nets.checkpoint import load_checkpoint, save_checkpoint
from compress.nets.foreign import import_pt
from compress.nets.weights import open_weights
from deploy.errors import ModelError
from tests.compress import hub

NAMES = {0: "rbc", 1: "wbc", 2: "platelets"}


def stock(cfg: str = "", seed: int = 0) -> DetectionModel:
    """ultralytics' own model at a part of its width, with a layer of each kind where `hub` has such a one, with
    statistics of what it sees; without `cfg` of few layers."""
    arch = hub.scaled(cfg or "yolov8n", width=0.25 if cfg == "yolo12n" else 0.0625)  # its heads have 32 channels
    torch.manual_seed(seed)
    shorter = hub.SHORT.get(cfg, {}) if cfg else hub.FEW["few-v8"]
    described = {**arch, **shorter, "yaml_file": f"{cfg or 'yolov8n'}.yaml"}
    model = DetectionModel(described, ch=3, verbose=False)
    model.names = dict(NAMES)
    with torch.no_grad():
        model.train()(torch.rand(4, 3, 128, 128))
    return model.eval()


def as_trained(model: DetectionModel, /, **entries: Any) -> dict[str, Any]:
    """What its trainer writes at the end of an epoch."""
    ema = copy.deepcopy(model).half()
    ema.args = IterableSimpleNamespace(imgsz=96, box=7.5, model="yolov8n.yaml", device=torch.device("cpu"))
    return {
        "epoch": 3,
        "best_fitness": 0.25,
        "stopper": {"best_fitness": 0.25, "best_epoch": 3},
        "model": None,
        "ema": ema,
        "updates": 12,
        "optimizer": torch.optim.SGD(model.parameters(), 0.01, 0.9).state_dict(),
        "scaler": {"scale": 65536.0, "growth_factor": 2.0},
        "train_args": {"imgsz": 96, "data": "x.yaml", "lr0": 0.01, "save_dir": "runs/detect/train"},
        "train_metrics": {"metrics/mAP50(B)": 0.5, "fitness": 0.25},
        "train_results": {"epoch": [1, 2], "time": [0.5, 1.0]},
        "date": "2026-01-02T03:04:05",
        "version": "8.4.190",
        "git": {"root": "None", "branch": None},
        **entries,
    }


def same(found: Any, expected: DetectionModel) -> bool:
    image = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        plain, _ = expected.eval()(image)
        decoded, _ = found.plain().eval()(image)
    return torch.allclose(decoded, plain, atol=1e-4)


OF_ITS_PACKAGE = ["yolov8n", "yolo11n", "yolov5nu", "yolov8n-p6"]
OF_ITS_PACKAGE += ["yolo26n", "yolo12n", "yolov10n", "yolov9t", "yolov6n", "yolov3-tiny"]


@pytest.mark.parametrize("cfg", OF_ITS_PACKAGE)
def test_best_pt_of_its_trainer(tmp_path: Path, cfg: str) -> None:
    model = stock(cfg)
    torch.save(as_trained(model), tmp_path / "best.pt")
    found = import_pt(tmp_path / "best.pt")
    assert (found.names, found.imgsz, found.training) == (list(NAMES.values()), 96 if "p6" not in cfg else 640, False)
    assert {p.dtype for p in found.parameters()} == {torch.float32}
    assert same(found, model.half().float())


def test_file_that_the_package_saves(tmp_path: Path) -> None:
    yolo = YOLO("yolov8n.yaml")
    yolo.save(tmp_path / "saved.pt")
    found, history = open_weights(tmp_path / "saved.pt")
    assert len(found.names) == 80 and found.family == "yolov8" and history[0]["stage"] == "import"
    assert same(found, yolo.model.half().float())


def test_stripped_file_has_its_weights_under_model(tmp_path: Path) -> None:
    model = stock()
    content = as_trained(model)
    content.update(model=content.pop("ema"), ema=None, optimizer=None)
    torch.save(content, tmp_path / "best.pt")
    assert same(import_pt(tmp_path / "best.pt"), model.half().float())


def test_ema_wins_over_model(tmp_path: Path) -> None:
    torch.save(as_trained(stock(seed=1), model=stock(seed=2)), tmp_path / "last.pt")
    assert same(import_pt(tmp_path / "last.pt"), stock(seed=1).half().float())


def test_a_yaml_of_ones_own_whose_name_has_no_scale(tmp_path: Path) -> None:
    """ultralytics writes an empty one then, and takes the first that the YAML lists."""
    arch = hub.scaled("yolov8n", width=0.0625)
    first = arch["scales"][arch["scale"]]
    described = {**arch, **hub.FEW["few-v8"], "scales": {"t": first, "n": [1.0, 1.0, 1024]}, "scale": ""}
    model = DetectionModel(described, ch=3, verbose=False)
    model.names = dict(NAMES)
    torch.save({"model": model.eval()}, tmp_path / "best.pt")
    assert same(import_pt(tmp_path / "best.pt"), model)


def test_loss_that_older_trainers_leave_in_the_model_does_not_hinder(tmp_path: Path) -> None:
    model = stock()
    model.args = IterableSimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    model.criterion = model.init_criterion()
    torch.save({"model": model}, tmp_path / "last.pt")
    assert same(import_pt(tmp_path / "last.pt"), model)


@pytest.mark.parametrize("cfg", ["yolov8n", "yolo11n", "yolov5nu"])
def test_checkpoint_of_ours_carries_it(tmp_path: Path, cfg: str) -> None:
    torch.save(as_trained(stock(cfg)), tmp_path / "best.pt")
    found = import_pt(tmp_path / "best.pt")
    save_checkpoint(found, tmp_path / "w.safetensors", [{"stage": "import"}])
    loaded, _ = load_checkpoint(tmp_path / "w.safetensors")
    assert (loaded.family, loaded.arch, loaded.names, loaded.imgsz) == (
        found.family,
        found.arch,
        found.names,
        found.imgsz,
    )
    image = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(found(image), loaded(image), strict=True))


class Bomb:
    """Leaves a trace when a pickle executes it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda content, bomb: content.update(extra=bomb), id="beside the model"),
        pytest.param(lambda content, bomb: setattr(content["ema"], "extra", bomb), id="in the model"),
        pytest.param(lambda content, bomb: content["ema"].model[0]._modules.update(act=bomb), id="for an activation"),
    ],
)
def test_code_in_the_pickle_is_refused_and_not_run(tmp_path: Path, place: Any) -> None:
    content = as_trained(stock())
    place(content, Bomb(tmp_path / "executed"))
    torch.save(content, tmp_path / "best.pt")
    with pytest.raises(
        ModelError, match="neither a tensor, a plain value nor a class of a YOLO checkpoint; it was not"
    ):
        import_pt(tmp_path / "best.pt")
    assert not (tmp_path / "executed").exists()


def fused(model: DetectionModel) -> DetectionModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fuse(verbose=False)


def without_a_layer(model: DetectionModel) -> DetectionModel:
    del model.model[3]._modules["bn"]
    return model


def with_yaml(**entries: Any) -> Any:
    def change(model: DetectionModel) -> DetectionModel:
        model.yaml = {**model.yaml, **entries}
        return model

    return change


def with_names(names: Any) -> Any:
    def change(model: DetectionModel) -> DetectionModel:
        model.names = names
        return model

    return change


def narrowed(model: DetectionModel) -> DetectionModel:
    model.model[1].conv.weight = torch.nn.Parameter(model.model[1].conv.weight[:, 1:])
    return model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(without_a_layer, "has no tensor 'model.3.bn", id="a layer is missing"),
        pytest.param(with_yaml(activation="print(1)"), "activation is 'print", id="code in the yaml"),
        pytest.param(with_yaml(backbone=[]), "expected a list of layers", id="no layers in the yaml"),
        pytest.param(with_yaml(end2end=True), "has no tensor .*one2one", id="a head of two branches without one"),
        pytest.param(with_names({0: "a"}), "has 3 classes in its head but the names", id="few names"),
        pytest.param(narrowed, "do not fit together", id="a cut that is none"),
    ],
)
def test_model_that_is_no_detector_of_these_families_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    torch.save({"model": change(stock())}, tmp_path / "x.pt")
    with pytest.raises(ModelError, match=message) as caught:
        import_pt(tmp_path / "x.pt")
    assert str(caught.value).startswith(f"{tmp_path / 'x.pt'}: ") and "\n" not in str(caught.value)


def test_another_task_is_refused(tmp_path: Path) -> None:
    YOLO("yolov8n-seg.yaml").save(tmp_path / "seg.pt")
    with pytest.raises(ModelError, match="layer 22 is a 'Segment'"):
        import_pt(tmp_path / "seg.pt")
