"""Opening weights of either kind, and fitting a detector to other classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from compress.nets.checkpoint import load_checkpoint, save_checkpoint
from compress.nets.load_tensors import load_tensors
from compress.nets.weights import open_weights
from compress.nets.yolov5 import Yolov5
from deploy.errors import ModelError


def narrow_before_the_head(model: Yolov5) -> Yolov5:
    """Without half of the channels that the finest scale of the head sees."""
    tensors = dict(model.state_dict())
    for part in ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"):
        tensors[f"model.17.cv3.{part}"] = tensors[f"model.17.cv3.{part}"][::2]
    for consumer in ("model.18.conv.weight", "model.24.m.0.weight"):
        tensors[consumer] = tensors[consumer][:, ::2]
    load_tensors(model, tensors, "test")
    return model.eval()


def test_checkpoint_of_ours_comes_with_its_history(tiny_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    save_checkpoint(tiny_model(), tmp_path / "w.safetensors", [{"stage": "train"}])
    model, history = open_weights(tmp_path / "w.safetensors")
    assert history == [{"stage": "train"}] and model.names == ["a", "b", "c"]


def test_foreign_checkpoint_starts_a_history(shared: Path) -> None:
    file = shared / "weights" / "yolov5n.pt"
    model, history = open_weights(str(file))
    assert len(model.names) == 80
    assert [entry["stage"] for entry in history] == ["import"]
    assert history[0]["file"] == "yolov5n.pt" and len(history[0]["sha256"]) == 64


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("w.onnx", "expected a checkpoint", id="a format that holds no trainable weights"),
        pytest.param("w", "expected a checkpoint", id="no suffix"),
        pytest.param("missing.safetensors", "no such file", id="a checkpoint that is not there"),
        pytest.param("missing.pt", "no such file", id="a foreign checkpoint that is not there"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, message: str) -> None:
    if "missing" not in name:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ModelError, match=message) as caught:
        open_weights(tmp_path / name)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "change", [pytest.param(lambda m: m, id="dense"), pytest.param(narrow_before_the_head, id="pruned before the head")]
)
@pytest.mark.parametrize(
    "names", [pytest.param(["only"], id="fewer"), pytest.param([f"n{i}" for i in range(7)], id="more")]
)
def test_with_classes_keeps_everything_but_the_head(
    tiny_model: Callable[..., Yolov5], tmp_path: Path, change: Callable[[Yolov5], Yolov5], names: list[str]
) -> None:
    model = change(tiny_model(imgsz=96, anchors=[[7, 9], [33, 31], [101, 99]]))
    fitted = model.with_classes(names)
    assert (fitted.names, fitted.arch["nc"], fitted.head.nc, fitted.imgsz) == (names, len(names), len(names), 96)
    old, new = model.state_dict(), fitted.state_dict()
    assert old.keys() == new.keys()
    assert all(torch.equal(old[key], new[key]) for key in old if ".24.m." not in key), "the anchors are kept too"
    assert [c.in_channels for c in fitted.head.m] == [c.in_channels for c in model.head.m]
    image = torch.rand(1, 3, 64, 64)
    assert [tuple(o.shape) for o in fitted(image)] == [(1, 1, 64 // s, 64 // s, 5 + len(names)) for s in (8, 16, 32)]
    assert fitted.stride == [8, 16, 32] and fitted.training == model.training

    save_checkpoint(fitted, tmp_path / "w.safetensors", [])
    loaded, _ = load_checkpoint(tmp_path / "w.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(fitted(image), loaded(image), strict=True))


def test_with_classes_leaves_the_model_it_was_given(tiny_model: Callable[..., Yolov5]) -> None:
    model = tiny_model()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    fitted = model.with_classes(["x"])
    with torch.no_grad():
        fitted.model[0].conv.weight.zero_()
    assert (model.names, model.arch["nc"], model.head.nc) == (["a", "b", "c"], 3, 3)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_fresh_head_expects_rare_objects(tiny_model: Callable[..., Yolov5]) -> None:
    fitted = tiny_model().with_classes(["x", "y"])
    with torch.no_grad():
        objectness = [c.bias.view(3, 7)[:, 4] for c in fitted.head.m]
    assert all((b < -3).all() for b in objectness)
    assert all(p.requires_grad for p in fitted.parameters())
