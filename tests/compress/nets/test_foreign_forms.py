"""Checkpoints in the forms that people have them: what is read computes the same, what is not says what it is."""

from __future__ import annotations

import copy
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from compress.nets.foreign import import_pt
from compress.nets.load_tensors import load_tensors
from compress.nets.yolov5 import Yolov5
from deploy.errors import ModelError
from tests.compress.nets.test_foreign import NAMES, Disguise, outputs

Content = Callable[[Any], Any]


def renamed(names: Any) -> Content:
    def change(model: Any) -> Any:
        model.names = names
        return {"model": model}

    return change


def counted_anchors(model: Any) -> Any:
    model.yaml = {**model.yaml, "anchors": 3}
    return {"model": model}


@pytest.mark.parametrize(
    ("content", "names"),
    [
        pytest.param(lambda m: m, NAMES, id="the model itself"),
        pytest.param(lambda m: {"model": None, "ema": m}, NAMES, id="the EMA alone"),
        pytest.param(renamed([0, 1, 2]), ["0", "1", "2"], id="names that are numbers"),
        pytest.param(renamed(("a", "b", "c")), ["a", "b", "c"], id="names in a tuple"),
        pytest.param(renamed({"2": "c", "0": "a", "1": "b"}), ["a", "b", "c"], id="numbers written as text"),
        pytest.param(renamed({0: 7, 1: "b", 2: 9}), ["7", "b", "9"], id="some names are numbers"),
        pytest.param(counted_anchors, NAMES, id="anchors given by their number"),
    ],
)
def test_forms_that_are_read(least_model: Callable[..., Yolov5], tmp_path: Path, content: Content, names: list) -> None:
    model = least_model(NAMES)
    with pytest.MonkeyPatch.context() as patch:
        torch.save(content(Disguise(patch)(model)), tmp_path / "x.pt")
    found = import_pt(tmp_path / "x.pt")
    assert found.names == names and found.anchors_px() == model.anchors_px()
    assert all(torch.equal(a, b) for a, b in zip(outputs(found), outputs(model), strict=True))


@pytest.mark.parametrize("content", [lambda m: m, lambda m: {"model": m}], ids=["itself", "under its key"])
def test_a_wrapper_for_several_devices_is_taken_off(
    least_model: Callable[..., Yolov5], tmp_path: Path, content: Content
) -> None:
    model = least_model(NAMES)
    with pytest.MonkeyPatch.context() as patch:
        torch.save(content(nn.DataParallel(nn.DataParallel(Disguise(patch)(model)))), tmp_path / "x.pt")
    assert all(torch.equal(a, b) for a, b in zip(outputs(import_pt(tmp_path / "x.pt")), outputs(model), strict=True))


def test_averaged_models_are_unwrapped(least_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    """torch's own, and ModelEMA of YOLOv5, which is no module and has the model as `ema`."""
    model = least_model(NAMES)
    with pytest.MonkeyPatch.context() as patch:
        inside = Disguise(patch)(model)
        kind = type("ModelEMA", (), {"__module__": "utils.torch_utils"})
        for name in ("utils", "utils.torch_utils"):
            patch.setitem(sys.modules, name, type(sys)(name))
        patch.setattr(sys.modules["utils.torch_utils"], "ModelEMA", kind, raising=False)
        own = kind()
        own.ema, own.updates = inside, 3
        torch.save({"ema": own}, tmp_path / "ema.pt")
        torch.save(torch.optim.swa_utils.AveragedModel(inside), tmp_path / "swa.pt")
    for file in ("ema.pt", "swa.pt"):
        found = import_pt(tmp_path / file)
        assert all(torch.equal(a, b) for a, b in zip(outputs(found), outputs(model), strict=True))


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS", id="Git LFS"),
        pytest.param(b"\n<!DOCTYPE html>", "a web page", id="a web page"),
        pytest.param(b"\x40" + bytes(7) + b'{"a":', "name it .safetensors", id="safetensors"),
        pytest.param(b"PK\x03\x04 cut off", "not a zip file, or a truncated one", id="truncated"),
    ],
)
def test_files_that_are_none_are_named(tmp_path: Path, start: bytes, sentence: str) -> None:
    (tmp_path / "x.pt").write_bytes(start)
    with pytest.raises(ModelError, match=sentence):
        import_pt(tmp_path / "x.pt")


def test_other_files_of_pytorch_are_named(tmp_path: Path) -> None:
    torch.save({"a": 1}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.script(nn.ReLU()), tmp_path / "script.pt")
    for file, sentence in (("old.pt", "form before 1.6"), ("script.pt", "a TorchScript program")):
        with pytest.raises(ModelError, match=sentence):
            import_pt(tmp_path / file)


def test_a_model_pruned_into_standard_layers_is_read(least_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    """As Torch-Pruning leaves a YOLOv5: the layers are its own, their channels are fewer than the yaml says."""
    slim = least_model(NAMES)
    tensors = dict(slim.state_dict())
    for part in ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"):
        tensors[f"model.0.{part}"] = tensors[f"model.0.{part}"][::2]
    tensors["model.1.conv.weight"] = tensors["model.1.conv.weight"][:, ::2]
    load_tensors(slim, tensors, "test")
    with pytest.MonkeyPatch.context() as patch:
        torch.save({"model": Disguise(patch)(slim)}, tmp_path / "x.pt")
    found = import_pt(tmp_path / "x.pt")
    assert found.model[0].conv.out_channels == slim.model[0].conv.out_channels == 4
    assert all(torch.equal(a, b) for a, b in zip(outputs(found), outputs(slim), strict=True))


def fused(model: Any) -> Any:
    layer = model.model[0]
    layer.conv.bias = nn.Parameter(torch.zeros(layer.conv.weight.shape[0]))
    del layer._modules["bn"]
    return {"model": model}


def as_a_fork(model: Any) -> Any:
    model.model[3].__class__ = type("C3Pruned", (nn.Module,), {"__module__": "models.common"})
    setattr(sys.modules["models.common"], "C3Pruned", type(model.model[3]))  # noqa: B010 - it lives for the test alone
    return {"model": model}


def states(model: Any, prefix: str = "") -> OrderedDict:
    return OrderedDict((f"{prefix}{key}", value) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(lambda m: states(m), "it is a state_dict, tensors without an architecture", id="a state_dict"),
        pytest.param(lambda m: states(m, "module."), "it is a state_dict", id="a state_dict of DataParallel"),
        pytest.param(lambda m: {"model": states(m)}, "'model' is a state_dict", id="a state_dict under 'model'"),
        pytest.param(lambda m: {"ema": states(m), "epoch": 3}, "'ema' is a state_dict", id="a state_dict under 'ema'"),
        pytest.param(lambda m: {"net": states(m)}, "'net' is a state_dict", id="a key of somebody's own"),
        pytest.param(lambda m: {"a": {"model": states(m)}}, "'a.model' is a state_dict", id="one level deeper"),
        pytest.param(
            lambda _: nn.Sequential(nn.Conv2d(3, 4, 3)), "holds a Sequential without 'yaml'", id="other model"
        ),
        pytest.param(lambda m: {"state_dict": states(m)}, "'state_dict' is a state_dict", id="Lightning's key"),
        pytest.param(fused, "the model is fused: its batch norms are merged", id="fused"),
        pytest.param(as_a_fork, "pruned by another program, into layers of its own .C3Pruned", id="a pruning fork"),
        pytest.param(renamed([1.5, 2.5, 3.5]), "has 3 classes in its head but the names", id="names that are floats"),
        pytest.param(renamed([True, False, True]), "but the names", id="names that are truth values"),
        pytest.param(renamed({"0": "a", "1": "b"}), "but the names", id="too few names"),
        pytest.param(renamed(["a", "b", "\ud800"]), "but the names", id="a name that UTF-8 cannot write"),
    ],
)
def test_forms_that_are_named(
    least_model: Callable[..., Yolov5], tmp_path: Path, content: Content, message: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        torch.save(content(copy.deepcopy(Disguise(patch)(least_model(NAMES)))), tmp_path / "x.pt")
    with pytest.raises(ModelError, match=message) as caught:
        import_pt(tmp_path / "x.pt")
    assert str(caught.value).startswith(f"{tmp_path / 'x.pt'}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        pytest.param("case14/fused.pt", "the model is fused", id="a bound method forward_fuse"),
        pytest.param("case15/state_dict_under_model.pt", "'model' is a state_dict", id="tensors alone"),
        pytest.param("case17/pruned_model.pt", "pruned by another program.*C3Pruned", id="yolov5prune"),
    ],
)
def test_files_of_bug_reports_are_named(shared: Path, case: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        import_pt(shared / "cases" / case)


@pytest.mark.parametrize(
    ("case", "names", "stride"),
    [
        pytest.param("case15/whole_model.pt", ["cat", "dog"], [8, 16, 32], id="the model itself"),
        pytest.param("case16/names_int.pt", ["0", "1"], [8, 16, 32], id="names that are numbers"),
        pytest.param("case21/p2.pt", ["cat", "dog"], [4, 8, 16, 32], id="yolov5-p2 with anchors: 3"),
    ],
)
def test_files_of_bug_reports_are_read(shared: Path, case: str, names: list[str], stride: list[int]) -> None:
    model = import_pt(shared / "cases" / case)
    assert (model.names, model.stride) == (names, stride)
