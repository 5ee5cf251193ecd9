"""YOLOv8, YOLO11 and YOLOv5u on ultralytics' layers: the same outputs, loss and boxes as ultralytics' own model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from ultralytics.utils.nms import non_max_suppression

from compress.nets import yolov8 as anchor_free
from compress.nets.family import architecture
from compress.nets.yolov8 import AnchorFree
from deploy.errors import ModelError, UsageError
from deploy.postprocess.mapping import STRETCH, Geometry

CFGS = ["yolov8n", "yolo11n", "few-p2"]
TARGETS = torch.tensor([[0, 1, 0.5, 0.5, 0.3, 0.3], [1, 0, 0.2, 0.25, 0.1, 0.2], [1, 2, 0.7, 0.6, 0.5, 0.4]])


def images(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 128, 128, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("cfg", CFGS)
def test_raw_outputs_are_what_ultralytics_own_model_decodes(tiny_free: Callable[..., AnchorFree], cfg: str) -> None:
    model = tiny_free(cfg)
    plain = model.plain()
    assert plain.state_dict().keys() == model.state_dict().keys()
    with torch.no_grad():
        raw, (_, expected) = model(images()), plain(images())
        trained = copy.deepcopy(model).train()(images())
    for branch, first in (("boxes", 0), ("scores", 1)):
        assert torch.equal(torch.cat([o.flatten(2) for o in raw[first::2]], 2), expected[branch])
    assert [tuple(o.shape) for o in raw] == [tuple(o.shape) for o in trained]
    assert [(f"box{s}", f"class{s}") for s in model.stride] == list(
        zip(model.output_names[::2], model.output_names[1::2], strict=True)
    )


@pytest.mark.parametrize("cfg", ["few-v8", "yolo11n"])  # their heads differ
def test_loss_is_ultralytics_own(tiny_free: Callable[..., AnchorFree], cfg: str) -> None:
    model = tiny_free(cfg).train()
    plain = model.plain()
    plain.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    batch = {"img": images(), "batch_idx": TARGETS[:, 0], "cls": TARGETS[:, 1:2], "bboxes": TARGETS[:, 2:]}
    expected, items = plain.loss(batch)
    found, parts = model.make_loss(128)(model(images()), TARGETS)
    assert torch.allclose(found, expected.sum(), rtol=1e-5)
    assert torch.allclose(parts, torch.stack(list(items.values()))[: len(parts)], rtol=1e-5)
    found.backward()
    model.unfreeze()
    assert {n for n, p in model.named_parameters() if not p.requires_grad} == {
        n for n, p in model.named_parameters() if ".dfl." in n
    }, "all but the constant learns"


def test_gains_are_replaced_by_name(tiny_free: Callable[..., AnchorFree]) -> None:
    model = tiny_free("few-v8")
    raw = model(images())
    _, parts = model.make_loss(128)(raw, TARGETS)
    _, doubled = model.make_loss(128, {"classes": 1.0})(raw, TARGETS)
    assert torch.allclose(doubled, parts * torch.tensor([1, 2, 1]))
    with pytest.raises(UsageError, match="no gain 'objectness', expected one of box, classes, dfl"):
        model.make_loss(128, {"objectness": 1.0})


def test_loss_of_a_batch_without_objects(tiny_free: Callable[..., AnchorFree]) -> None:
    model = tiny_free("few-v8").train()
    loss, parts = model.make_loss(128)(model(images()), torch.zeros(0, 6))
    assert torch.isfinite(loss) and parts[0] == 0 and parts[1] > 0
    loss.backward()


def test_boxes_are_those_of_ultralytics_decoder_and_nms(tiny_free: Callable[..., AnchorFree]) -> None:
    model = tiny_free("yolov8n")
    plain = model.plain()
    with torch.no_grad():
        for classes, box in zip(
            (*model.head.cv3, *plain.model[-1].cv3), (*model.head.cv2, *plain.model[-1].cv2), strict=True
        ):
            classes[-1].weight.mul_(0.1)  # equal classes would be a matter of rounding
            box[-1].weight.mul_(1e-3)  # few overlaps: ultralytics does not clip before suppression
            box[-1].bias.view(4, 16)[:, 0] += torch.tensor([5, 4.8, 5.2, 5.6])
        raw, (decoded, _) = model(images(1)), plain(images(1))
    found = model.boxes([o.numpy() for o in raw], 0.005, 0.6, Geometry(128, 128, 128, 128, STRETCH, 0))
    expected = non_max_suppression(decoded, 0.005, 0.6, max_det=10000)[0].numpy()
    expected[:, :4] = expected[:, :4].clip(0, 128)
    assert len(found) == len(expected) > 10
    distances = np.abs(found[:, None] - expected[None]).max(2)
    assert distances.min(1).max() < 1e-2 and distances.min(0).max() < 1e-2


@pytest.mark.parametrize("names", [["only"], [f"n{i}" for i in range(7)]])
def test_with_classes_keeps_everything_but_the_outputs(tiny_free: Callable[..., AnchorFree], names: list[str]) -> None:
    model = tiny_free("yolov8n")
    fitted = model.with_classes(names)
    assert (fitted.names, fitted.arch["nc"], fitted.head.nc, fitted.head.no) == (
        names,
        len(names),
        len(names),
        64 + len(names),
    )
    old, new = model.state_dict(), fitted.state_dict()
    fresh = {k for k in old if k.endswith(".2.bias") or (".cv3." in k and k.endswith(".2.weight"))}
    assert all(torch.equal(old[k], new[k]) for k in old if k not in fresh)
    assert [o.shape[1] for o in fitted(images(1))] == [64, len(names)] * 3
    assert model.names == ["a", "b", "c"] and model.head.nc == 3


def changed(**entries: Any) -> dict[str, Any]:
    return {**architecture("yolov8n", 3), **entries}


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        pytest.param(changed(activation="__import__('os').system('x')"), "activation", id="code for an activation"),
        pytest.param(changed(activation="nn.SiLU().__class__()"), "activation", id="more code than a name"),
        pytest.param(changed(backbone=[[-1, 1, "torchvision.ops.x", []]]), "'torchvision", id="a module of elsewhere"),
        pytest.param(changed(backbone=[[-1, 1, "DetectionModel", []]]), "'DetectionModel'", id="a whole model"),
        pytest.param(changed(end2end="yes"), "end2end is 'yes'", id="a switch that is none"),
        pytest.param(changed(reg_max=0), "reg_max is '?0", id="no bins"),
        pytest.param(changed(head=[[-1, 1, "Segment", [3]]]), "instance segmentation", id="a head that segments"),
        pytest.param(changed(head=[[-1, 1, "OBB26", [3]]]), "oriented boxes", id="a head for oriented boxes"),
        pytest.param(changed(scale="q"), "scale is 'q', expected one of n, s", id="a scale that is not there"),
        pytest.param(changed(head=[[-1, 1, "Conv", [64]]]), "expected one Detect", id="no head"),
        pytest.param(changed(backbone=[]), "expected a list of layers", id="no layers"),
        pytest.param(changed(backbone=[[-1, 1, "Conv"]]), "layer 0 is", id="a short row"),
    ],
)
def test_architecture_is_refused(arch: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        anchor_free.check_architecture(arch, "file.yaml")
    assert str(caught.value).startswith("file.yaml: ")


@pytest.mark.parametrize(
    "row",
    [
        pytest.param([-1, 1, "Conv", ["x", 3, 2]], id="a width that is no number"),
        pytest.param([[-1, 77], 1, "Concat", [1]], id="a layer that is not there"),
        pytest.param([-1, 1, "SPP", [64, 64, 64, 64]], id="arguments too many"),
    ],
)
def test_layers_that_do_not_fit(row: list[Any]) -> None:
    arch = architecture("yolov8n", 3)
    arch["backbone"][9] = row
    with pytest.raises(ModelError, match="cannot be built") as caught:
        AnchorFree(arch, ["a", "b", "c"])
    assert "\n" not in str(caught.value)


def test_halves_follow_the_stored_width(tiny_free: Callable[..., AnchorFree]) -> None:
    model = tiny_free("yolo11n")
    counted = [m for m in model.modules() if isinstance(getattr(m, "c", None), int)]
    before = [m.c for m in counted]
    for module in counted:
        module.c = 0
    model.update_derived()
    assert [m.c for m in counted] == before and len(counted) == 9


def test_plain_model_shares_nothing(tiny_free: Callable[..., AnchorFree]) -> None:
    model = tiny_free("few-v8")
    plain = model.plain()
    assert type(plain).__module__ == "ultralytics.nn.tasks" and plain.names == {0: "a", 1: "b", 2: "c"}
    assert {type(m).__module__.split(".")[0] for m in plain.modules()} == {"ultralytics", "torch"}
    with torch.no_grad():
        nn.init.zeros_(plain.model[0].conv.weight)
    assert model.model[0].conv.weight.abs().sum() > 0
