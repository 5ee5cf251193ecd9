"""The checkpoint file: what goes in comes out, and damaged files are refused with one sentence."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from compress.nets.checkpoint import load_checkpoint, read_header, save_checkpoint
from compress.nets.load_tensors import load_tensors
from compress.nets.yolov5 import Yolov5
from deploy.errors import ModelError

KEY = "ascend-yolo-slim"
HISTORY = [{"stage": "train", "epochs": 3}, {"stage": "prune", "percent": 0.5, "note": "Größe"}]


def outputs(model: Yolov5) -> list[torch.Tensor]:
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model.eval()(image)


def slimmed(model: Yolov5) -> Yolov5:
    """Without half of the channels between the first two convolutions."""
    tensors = dict(model.state_dict())
    for part in ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"):
        tensors[f"model.0.{part}"] = tensors[f"model.0.{part}"][::2]
    tensors["model.1.conv.weight"] = tensors["model.1.conv.weight"][:, ::2]
    load_tensors(model, tensors, "test")
    return model


@pytest.mark.parametrize("change", [pytest.param(lambda m: m, id="dense"), pytest.param(slimmed, id="pruned")])
def test_round_trip_computes_the_same(
    least_model: Callable[..., Yolov5], tmp_path: Path, change: Callable[[Yolov5], Yolov5]
) -> None:
    model = change(least_model(["a", "ü b"], imgsz=96))
    save_checkpoint(model, tmp_path / "new" / "w.safetensors", HISTORY)
    loaded, history = load_checkpoint(tmp_path / "new" / "w.safetensors")
    assert history == HISTORY
    assert (loaded.names, loaded.imgsz, loaded.arch) == (["a", "ü b"], 96, model.arch)
    assert loaded.anchors_px() == model.anchors_px() and loaded.stride == model.stride
    assert not loaded.training
    assert all(torch.equal(a, b) for a, b in zip(outputs(model), outputs(loaded), strict=True))
    assert loaded.model[1].conv.in_channels == model.model[0].conv.out_channels == model.model[0].bn.num_features


def test_a_name_that_is_no_utf_8(least_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9.safetensors")
    try:
        save_checkpoint(least_model(), file, [])
    except OSError:
        pytest.skip("this file system has UTF-8 names alone")
    assert load_checkpoint(file)[0].names == ["a", "b", "c"]


def test_own_anchors_come_back(least_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    model = least_model(anchors=[[7, 9, 21, 13], [33, 31, 55, 52]])
    save_checkpoint(model, tmp_path / "w.safetensors", [])
    loaded, _ = load_checkpoint(tmp_path / "w.safetensors")
    assert loaded.anchors_px()[0] == [[7, 9], [21, 13]]
    assert loaded.head.anchors_px[0].tolist() == [[7, 9], [21, 13]]


def test_half_precision_file_is_half_as_large_and_read_as_float32(
    least_model: Callable[..., Yolov5], tmp_path: Path
) -> None:
    model = least_model()
    save_checkpoint(model, tmp_path / "full.safetensors", [])
    save_checkpoint(model, tmp_path / "half.safetensors", [], half=True)
    sizes = [sum(t.nbytes for t in load_file(tmp_path / f"{n}.safetensors").values()) for n in ("full", "half")]
    assert sizes[1] == pytest.approx(sizes[0] / 2, rel=0.01)
    loaded, _ = load_checkpoint(tmp_path / "half.safetensors")
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    anchors = model.head.anchors.clone()
    rounded = model.half().float()
    rounded.head.anchors.copy_(anchors)
    assert torch.equal(loaded.head.anchors, anchors)
    assert all(torch.equal(a, b) for a, b in zip(outputs(rounded), outputs(loaded), strict=True))


def test_header_says_how_the_model_came_to_be(least_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    model = least_model(imgsz=96)
    save_checkpoint(model, tmp_path / "w.safetensors", HISTORY)
    header = read_header(tmp_path / "w.safetensors")
    assert header == {
        "schema_version": 1,
        "kind": "checkpoint",
        "family": "yolov5",
        "arch": model.arch,
        "names": ["a", "b", "c"],
        "imgsz": 96,
        "stride": [8, 16],
        "anchors": model.anchors_px(),
        "history": HISTORY,
    }


def test_writing_replaces_the_old_file_and_leaves_no_partial_one(
    least_model: Callable[..., Yolov5], tmp_path: Path
) -> None:
    file = tmp_path / "w.safetensors"
    save_checkpoint(least_model(seed=1), file, [])
    save_checkpoint(least_model(seed=2), file, [])
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]
    assert torch.equal(load_checkpoint(file)[0].model[0].conv.weight, least_model(seed=2).model[0].conv.weight)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_file_has_the_rights_that_new_files_have(least_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    save_checkpoint(least_model(), tmp_path / "w.safetensors", [])
    (tmp_path / "other").touch()
    assert (tmp_path / "w.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_writing_that_fails_leaves_the_old_file(least_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    save_checkpoint(least_model(), file, [])
    before = file.read_bytes()
    with pytest.raises(TypeError):
        save_checkpoint(least_model(seed=2), file, [{"stage": object()}])
    assert file.read_bytes() == before


def test_writing_does_not_change_the_model(least_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    model = least_model()
    save_checkpoint(model, tmp_path / "w.safetensors", [], half=True)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def rewritten(
    file: Path, header: Callable[[dict], Any] | None = None, tensors: Callable[[dict], Any] | None = None
) -> None:
    """The same checkpoint with its header or its tensors changed in place."""
    content = read_header(file)
    stored = load_file(file)
    if header:
        header(content)
    if tensors:
        tensors(stored)
    text = dumped(content)
    save_file(stored, file, metadata={KEY: text})


def dumped(content: dict) -> str:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        return json.dumps(content)
    finally:
        sys.setrecursionlimit(limit)


def header_row(key: str, value: Any, message: str, reason: str) -> Any:
    return pytest.param(lambda f: rewritten(f, header=lambda h: h.update({key: value})), message, id=reason)


def tensor_row(change: Callable[[dict], Any], message: str, reason: str) -> Any:
    return pytest.param(lambda f: rewritten(f, tensors=change), message, id=reason)


def arch_row(changes: dict[str, Any], message: str, reason: str) -> Any:
    return pytest.param(lambda f: rewritten(f, header=lambda h: h["arch"].update(changes)), message, id=reason)


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def one_fewer(key: str) -> Callable[[dict], Any]:
    return lambda t: t.update({key: t[key][1:].clone()})


def not_json(file: Path) -> None:
    save_file(load_file(file), file, metadata={KEY: "{"})


DAMAGED = [
    pytest.param(lambda f: f.write_bytes(f.read_bytes()[:5000]), "damaged", id="truncated in the header"),
    pytest.param(lambda f: f.write_bytes(f.read_bytes()[:-9]), "damaged", id="truncated in the tensors"),
    pytest.param(lambda f: f.write_bytes(b""), "damaged", id="empty"),
    pytest.param(lambda f: f.write_bytes(b"\xff" * 4000), "damaged", id="other bytes"),
    pytest.param(lambda f: f.unlink(), "no such file", id="missing"),
    pytest.param(
        lambda f: save_file({"weight": torch.ones(2)}, f), "not a checkpoint of this project", id="another safetensors"
    ),
    pytest.param(not_json, "damaged", id="a header that is no JSON"),
    header_row("kind", "bundle", "not a checkpoint of this project", "a header of another kind"),
    header_row("schema_version", 2, "schema_version is 2, this version reads 1", "a later schema"),
    header_row("schema_version", None, "schema_version is None", "no schema"),
    header_row("arch", None, "the architecture is NoneType", "no architecture"),
    header_row("arch", {"nc": 3}, "no key 'depth_multiple'", "an architecture without layers"),
    header_row("names", ["a", "b"], "has 3 classes but 2 class names", "fewer names than classes"),
    header_row("names", "abc", "'names' in its header is 'abc', expected a list", "names that are one text"),
    header_row("names", None, "'names' in its header is 'None'", "names that are null"),
    header_row("names", ["a", 2, "c"], "expected a list of class names", "a name that is a number"),
    header_row("names", ["a", "\ud800", "c"], "has half of a surrogate pair", "a name that UTF-8 cannot write"),
    header_row("imgsz", 10**9, "'imgsz' in its header is '1000000000'", "a size beyond any image"),
    header_row("imgsz", 10**300, "the number 1000.* is too large", "a size that no float holds"),
    header_row("imgsz", float("inf"), "Infinity is no number", "a size without end"),
    header_row(
        "history", "prune", "'history' in its header is 'prune', expected a list of stages", "a text as history"
    ),
    header_row("history", ["prune"], "expected a list of stages", "stages that are words"),
    header_row("history", [{"stage": {"a": 1}}], "expected a list of stages", "a stage whose name is an object"),
    header_row("family", 3, "'family' in its header is '3'", "a family that is a number"),
    header_row("more", nested(200), "nested deeper than 64", "values in values in values"),
    header_row("more", nested(3000), "nested deeper than 64", "too deep for Python's own reader"),
    arch_row({"depth_multiple": 1e9}, "depth_multiple is 1000000000.0, expected a number above 0, up to 8", "depth"),
    arch_row({"width_multiple": 1e9}, "width_multiple is 1000000000.0", "width"),
    arch_row({"depth_multiple": {}}, "depth_multiple is '{}'", "a depth that is an object"),
    arch_row({"backbone": [[-1, 10**9, "C3", [64]]]}, "layer 0 is repeated 1000000000 times", "repeats without end"),
    arch_row({"backbone": [[-1, 1, "Conv", [10**9, 3]]]}, "layer 0 has the argument 1000000000", "channels"),
    arch_row({"backbone": [[-1, 1, "Conv", [64, 10**6]]]}, "layer 0 has the argument 1000000", "a kernel"),
    arch_row({"backbone": [[-1, 1, ["Conv"], [64, 3]]]}, r"layer 0 is a '\['Conv'\]'", "a module that is a list"),
    arch_row({"backbone": [[-1, 1, "Conv", [64, 3]]] * 9999}, "has 10... layers", "layers without end"),
    tensor_row(lambda t: t["model.2.bn.bias"].fill_(float("nan")), "'model.2.bn.bias' has values that are not", "NaN"),
    tensor_row(lambda t: t["model.2.bn.bias"].fill_(float("inf")), "not finite", "infinite weights"),
    header_row("imgsz", "64", "'imgsz' in its header is '64', expected a whole number", "a size that is text"),
    header_row("history", None, "'history' in its header", "a history that is null"),
    pytest.param(lambda f: rewritten(f, header=lambda h: h.pop("imgsz")), "no key 'imgsz'", id="a key is missing"),
    tensor_row(lambda t: t.pop("model.2.bn.bias"), "lacks a tensor .* 'model.2.bn.bias'", "a tensor is missing"),
    tensor_row(lambda t: t.update(more=torch.ones(1)), "unknown to its architecture, 'more'", "a tensor too many"),
    tensor_row(one_fewer("model.2.bn.bias"), "layer 'model.2.bn' disagree", "one value of a batch norm is missing"),
    tensor_row(one_fewer("model.2.conv.weight"), "do not fit together", "a convolution narrower than its batch norm"),
    tensor_row(one_fewer("model.9.m.1.weight"), "layer 'model.9.m.1' disagree", "a head narrower than its bias"),
    tensor_row(one_fewer("model.9.anchors"), "'model.9.anchors' has shape", "anchors of one scale"),
    tensor_row(lambda t: t.update({"model.0.conv.weight": torch.ones(8, 3, 3, 3)}), "has shape", "another kernel size"),
    tensor_row(
        lambda t: t.update({k: t[k][:-2].clone() for k in ("model.9.m.0.weight", "model.9.m.0.bias")}),
        "do not fit together",
        "a head whose channels are no multiple of its anchors",
    ),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGED)
def test_damaged_file_is_refused_with_one_sentence(
    least_model: Callable[..., Yolov5], tmp_path: Path, damage: Callable[[Path], Any], message: str
) -> None:
    file = tmp_path / "w.safetensors"
    save_checkpoint(least_model(), file, HISTORY)
    damage(file)
    with pytest.raises(ModelError, match=message) as caught:
        load_checkpoint(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


def test_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected a checkpoint"):
        read_header(tmp_path)


def test_nothing_but_tensors_and_text_is_stored(least_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    save_checkpoint(least_model(), tmp_path / "w.safetensors", HISTORY)
    with safe_open(tmp_path / "w.safetensors", framework="pt") as stored:
        assert set(stored.metadata()) == {KEY}
