"""Checkpoints of ultralytics/yolov5: the published one, a user's own `best.pt`, and files that are none."""

from __future__ import annotations

import copy
import pathlib
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from ultralytics.nn.modules import C3, SPPF, Bottleneck, Concat, Conv
from ultralytics.utils import ASSETS

from compress.nets.convnext.layer_norm import LayerNorm2d
from compress.nets.convnext.layers import ConvNeXtBlock, ConvNeXtDownsample, ConvNeXtStem, ConvNeXtUnit
from compress.nets.family import architecture
from compress.nets.foreign import import_pt
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov5_head import AnchorDetect
from deploy.errors import ModelError
from deploy.host.dvpp.letterbox import letterbox
from deploy.postprocess.mapping import FIT, Geometry

NAMES = ["dmcode", "qrcode", "barcode"]
ANCHORS = [[7, 9, 12, 20, 25, 18], [28, 55, 60, 40, 52, 110]]
CONVNEXT = [ConvNeXtStem, ConvNeXtBlock, ConvNeXtDownsample, ConvNeXtUnit, LayerNorm2d]
PLACES = {
    **dict.fromkeys(CONVNEXT, "common"),
    Conv: "common",
    C3: "common",
    Bottleneck: "common",
    SPPF: "common",
    Concat: "common",
    AnchorDetect: "yolo",
}


class Disguise:
    """Copies of our models whose classes are called as YOLOv5's own are, in modules that exist only meanwhile."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.modules = {name: types.ModuleType(name) for name in ("models", "models.common", "models.yolo")}
        for name, module in self.modules.items():
            patch.setitem(sys.modules, name, module)

    def __call__(self, model: Yolov5, kind: str = "DetectionModel", **attributes: Any) -> nn.Module:
        copied = copy.deepcopy(model)
        for module in copied.modules():
            if isinstance(module, Yolov5):
                module.__class__ = self._named("yolo", kind)
            elif type(module) in PLACES:
                name = "Detect" if isinstance(module, AnchorDetect) else type(module).__name__
                module.__class__ = self._named(PLACES[type(module)], name)
        copied.yaml = copied.arch
        for name, value in attributes.items():
            setattr(copied, name, value)
        del copied.arch
        return copied

    def _named(self, place: str, name: str) -> type:
        module = self.modules[f"models.{place}"]
        if not hasattr(module, name):
            setattr(module, name, type(name, (nn.Module,), {"__module__": module.__name__}))
        return getattr(module, name)


@pytest.fixture
def disguise() -> Iterator[Disguise]:
    with pytest.MonkeyPatch.context() as patch:
        yield Disguise(patch)


def as_in_yolov5_light(model: Yolov5) -> Yolov5:
    """A copy whose ConvNeXt has linear layers and plain classes of PyTorch, as it has there."""
    copied = copy.deepcopy(model)
    for module in list(copied.modules()):
        if isinstance(module, ConvNeXtUnit):
            module.act = nn.GELU()
            for layer in (module.pwconv1, module.pwconv2):
                layer.weight = nn.Parameter(layer.weight.detach().flatten(1))
                layer.__class__ = nn.Linear
    return copied


def outputs(model: Yolov5) -> list[torch.Tensor]:
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model.eval()(image)


def trained_once(model: Yolov5) -> dict[str, Any]:
    """The state of an optimizer that has made a step."""
    trained = copy.deepcopy(model).train()
    optimizer = torch.optim.SGD(trained.parameters(), lr=0.01, momentum=0.9)
    sum(o.mean() for o in trained(torch.rand(2, 3, 64, 64))).backward()
    optimizer.step()
    return optimizer.state_dict()


@pytest.mark.parametrize(
    "names", [pytest.param(list, id="a list"), pytest.param(lambda n: dict(enumerate(n)), id="v7")]
)
def test_best_pt_of_a_training_comes_in_with_its_ema_classes_and_anchors(
    least_model: Callable[..., Yolov5], tmp_path: Path, names: Callable
) -> None:
    raw, ema = (least_model(NAMES, seed=seed, anchors=ANCHORS) for seed in (1, 2))
    attributes = {"names": names(NAMES), "nc": 3, "hyp": {"lr0": 0.01, "anchor_t": 4.0}, "class_weights": torch.ones(3)}
    with pytest.MonkeyPatch.context() as patch:
        disguise = Disguise(patch)
        content = {
            "epoch": 7,
            "best_fitness": np.array([0.25]),
            "model": disguise(raw, **attributes).half(),
            "ema": disguise(ema, **attributes).half(),
            "updates": 123,
            "optimizer": trained_once(raw),
            "opt": {"save_dir": pathlib.Path("runs/train/exp"), "lr": np.float64(0.01), "imgsz": 640},
            "git": {"remote": None, "branch": None, "commit": None},
            "date": "2024-05-06T07:08:09",
        }
        torch.save(content, tmp_path / "best.pt")
    assert "models.yolo" not in sys.modules
    found = import_pt(tmp_path / "best.pt")
    assert found.names == NAMES and found.stride == [8, 16] and not found.training
    assert found.anchors_px() == [[[row[i], row[i + 1]] for i in (0, 2, 4)] for row in ANCHORS]
    assert found.arch["anchors"] == ANCHORS, "the architecture builds the same head again"
    assert {p.dtype for p in found.parameters()} == {torch.float32}
    expected, other = outputs(ema.half().float()), outputs(raw.half().float())
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(outputs(found), expected, strict=True))
    assert not torch.allclose(outputs(found)[0], other[0], atol=1e-2), "the EMA weights, not the raw ones"


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        pytest.param("DetectionModel", {"ema": None}, id="stripped at the end of the training"),
        pytest.param("Model", {}, id="v6.0 calls the class Model"),
        pytest.param("DetectionModel", {"ema": torch.ones(3)}, id="an EMA of another kind"),
    ],
)
def test_without_ema_the_model_is_taken(
    least_model: Callable[..., Yolov5], disguise: Disguise, tmp_path: Path, kind: str, extra: dict
) -> None:
    model = least_model(NAMES)
    torch.save({"model": disguise(model, kind), **extra}, tmp_path / "best.pt")
    found = import_pt(tmp_path / "best.pt")
    assert all(torch.equal(a, b) for a, b in zip(outputs(found), outputs(model), strict=True))


def test_anchors_found_in_training_win_over_those_of_the_yaml(
    least_model: Callable[..., Yolov5], disguise: Disguise, tmp_path: Path
) -> None:
    """YOLOv5's automatic anchors change the head and leave the yaml as it was."""
    copied = disguise(least_model(NAMES))
    copied.model[-1].anchors *= 1.5
    torch.save({"model": copied}, tmp_path / "best.pt")
    found = import_pt(tmp_path / "best.pt")
    assert found.anchors_px()[0] == [[15, 19.5], [24, 45], [49.5, 34.5]]
    assert found.head.anchors_px[0].tolist() == [[15, 19.5], [24, 45], [49.5, 34.5]]
    assert found.arch["anchors"][0] == [15, 19.5, 24, 45, 49.5, 34.5]


def test_the_published_yolov5n_sees_four_persons_and_a_bus(shared: Path) -> None:
    """Letterboxed as on the board: to the top left of 640 x 640."""
    model = import_pt(shared / "weights" / "yolov5n.pt")
    assert len(model.names) == 80 and model.names[0] == "person" and model.names[5] == "bus"
    assert sum(p.numel() for p in model.parameters()) == 1872157
    image = cv2.imread(str(ASSETS / "bus.jpg"))
    height, width = image.shape[:2]
    canvas, ratio = letterbox(image, 640, 640)
    x = torch.from_numpy(canvas[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        heads = [head.numpy() for head in model(x)]
    found = model.boxes(heads, 0.25, 0.45, Geometry(640, 640, width, height, FIT, ratio))
    assert sorted(model.names[int(row[5])] for row in found) == ["bus", "person", "person", "person", "person"]
    persons = sorted(float(row[0]) for row in found if row[5] == 0)
    assert persons == pytest.approx([0, 50, 220, 670], abs=15), "their left edges, seen by eye"
    (bus,) = (row[:4] for row in found if row[5] == 5)
    assert bus[0] < 60 and bus[2] > 740 and 200 < bus[1] < 260 and 700 < bus[3] < 800


def change_model(change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda content: change(content["model"])


def drop(path: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        owner, _, name = path.rpartition(".")
        del model.get_submodule(owner)._parameters[name]

    return change


def set_stem(model: Any) -> None:
    model.yaml["backbone"][0] = [-1, 1, "Focus", [64, 3, "x"]]


def set_activation(model: Any) -> None:
    model.model[2].act = nn.Hardswish()


def set_epsilon(model: Any) -> None:
    model.model[2].bn.eps = 1e-5


def cut_a_channel(model: Any) -> None:
    model.model[0].conv.weight = nn.Parameter(model.model[0].conv.weight[1:])


def contain_itself(model: Any) -> None:
    model._modules["model"]._modules["0"]._modules["conv"]._modules["again"] = model._modules["model"]._modules["0"]


def flatten_head(model: Any) -> None:
    model.model[-1].m[0].weight = nn.Parameter(torch.ones(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda c: c.clear(), "holds no model", id="an empty mapping"),
        pytest.param(
            lambda c: c.update(model={"w": torch.ones(1)}), "holds no model", id="weights without an architecture"
        ),
        pytest.param(change_model(lambda m: delattr(m, "yaml")), "without 'yaml'", id="no yaml"),
        pytest.param(change_model(lambda m: m.yaml.pop("head")), "no key 'head'", id="half a yaml"),
        pytest.param(change_model(set_stem), "no Focus of YOLOv5 v5.0", id="a stem of unknown form"),
        pytest.param(change_model(set_activation), "'model.2.act' is a Hardswish", id="v3's activations"),
        pytest.param(change_model(set_epsilon), "'model.2.bn' has the epsilon 1e-05", id="another epsilon"),
        pytest.param(
            change_model(drop("model.2.bn.bias")), "has no tensor 'model.2.bn.bias'", id="a tensor is missing"
        ),
        pytest.param(change_model(cut_a_channel), "its layers do not fit together", id="a channel that is missing"),
        pytest.param(change_model(contain_itself), "contain each other", id="modules without end"),
        pytest.param(change_model(flatten_head), "no anchor head", id="a head that is no convolution"),
        pytest.param(change_model(lambda m: m.model[-1]._buffers.clear()), "no anchor head", id="a head of YOLOv8"),
        pytest.param(change_model(lambda m: setattr(m, "names", ["a"])), "has 3 classes in its head", id="few names"),
        pytest.param(change_model(lambda m: setattr(m, "names", None)), "has 3 classes in its head", id="no names"),
        pytest.param(change_model(lambda m: setattr(m, "names", {1: "a", 2: "b", 3: "c"})), "the names", id="from one"),
        pytest.param(
            change_model(lambda m: m.__dict__.update(_modules=3)), "no anchor head", id="modules that are none"
        ),
        pytest.param(
            change_model(lambda m: m.yaml["head"].__setitem__(2, [[-1, 99], 1, "Concat", [1]])),
            "cannot be built",
            id="layers that do not fit together",
        ),
    ],
)
def test_file_that_holds_no_yolov5_detector_is_refused(
    least_model: Callable[..., Yolov5], disguise: Disguise, tmp_path: Path, change: Callable, message: str
) -> None:
    content = {"model": disguise(least_model(NAMES)), "ema": None}
    change(content)
    file = tmp_path / "best.pt"
    torch.save(content, file)
    with pytest.raises(ModelError, match=message) as caught:
        import_pt(file)
    assert str(caught.value).startswith(f"{file}: ") and str(caught.value).count(str(file)) == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [[1, 2], torch.ones(3), None, "model"], ids=["list", "tensor", "none", "text"])
def test_file_that_holds_something_else_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ModelError, match="holds no model, expected a checkpoint of YOLO"):
        import_pt(tmp_path / "x.pt")


def test_convnext_of_yolov5_light_comes_in(tmp_path: Path, disguise: Disguise) -> None:
    torch.manual_seed(0)
    model = Yolov5({**architecture("yolov5n-convnext", 3), "width_multiple": 0.0833, "depth_multiple": 0.34}, NAMES)
    for unit in (module for module in model.modules() if isinstance(module, ConvNeXtUnit)):
        nn.init.uniform_(unit.gamma, 0.5, 1.5)
    torch.save({"model": disguise(as_in_yolov5_light(model))}, tmp_path / "best.pt")
    found = import_pt(tmp_path / "best.pt")
    assert all(torch.equal(a, b) for a, b in zip(outputs(found), outputs(model), strict=True))  # type: ignore[arg-type]
