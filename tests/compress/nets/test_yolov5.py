"""The YOLOv5 family: sizes, shapes, and architectures that cannot be built."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from compress.nets.family import architecture
from compress.nets.yolov5 import Yolov5, check_architecture
from deploy.errors import ModelError, UsageError

NAMES80 = [f"class{i}" for i in range(80)]


@pytest.mark.parametrize(
    ("cfg", "published"),
    [
        ("yolov5n", 1872157),
        ("yolov5s.yaml", 7235389),  # the suffix of YOLOv5's own --cfg is accepted
        ("yolov5m", 21190557),
    ],
)
def test_family_member_has_the_published_number_of_parameters(cfg: str, published: int) -> None:
    model = Yolov5(architecture(cfg, 80), NAMES80)
    assert sum(p.numel() for p in model.parameters()) == published


@pytest.mark.parametrize(
    ("height", "width", "classes"),
    [
        pytest.param(64, 64, 3, id="square"),
        pytest.param(64, 96, 3, id="height and width are not mixed up"),
        pytest.param(32, 32, 3, id="one cell at the coarsest scale"),
        pytest.param(64, 64, 1, id="one class"),
    ],
)
def test_outputs_are_raw_tensors_of_three_scales(
    tiny_model: Callable[..., Yolov5], height: int, width: int, classes: int
) -> None:
    model = tiny_model([f"c{i}" for i in range(classes)])
    outputs = model(torch.zeros(2, 3, height, width))
    assert [tuple(o.shape) for o in outputs] == [(2, 3, height // s, width // s, 5 + classes) for s in (8, 16, 32)]


def test_strides_and_anchors_are_those_of_yolov5(tiny_model: Callable[..., Yolov5]) -> None:
    model = tiny_model()
    assert model.stride == [8, 16, 32]
    assert model.anchors_px()[0] == [[10, 13], [16, 30], [33, 23]]
    assert model.anchors_px()[2] == [[116, 90], [156, 198], [373, 326]]
    assert model.head.anchors[2, 0].tolist() == [116 / 32, 90 / 32], "the buffer counts in units of the stride"


def test_layers_have_the_constants_of_yolov5(tiny_model: Callable[..., Yolov5]) -> None:
    model = tiny_model()
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.03)}
    activations = [m.act for m in model.modules() if hasattr(m, "act")]
    assert len(activations) == len(norms), "one activation a convolution"
    assert all(isinstance(a, nn.SiLU) for a in activations), "the first convolution of SPPF has its SiLU too"


def test_shared_activation_of_other_models_is_left_alone(tiny_model: Callable[..., Yolov5]) -> None:
    from ultralytics.nn.modules import SPPF

    tiny_model()
    assert isinstance(SPPF(8, 8).cv1.act, nn.Identity), "ultralytics' own SPPF computes what it did before"


@pytest.mark.parametrize(
    "cfg",
    [
        pytest.param("yolov5q", id="no such letter"),
        pytest.param("yolov5", id="no letter"),
        pytest.param("yolov9n.yaml", id="another family"),
        pytest.param("folder/missing.yaml", id="a file that is not there"),
        pytest.param("", id="nothing"),
    ],
)
def test_unknown_cfg_lists_the_known_ones(cfg: str) -> None:
    with pytest.raises(UsageError, match="neither a file nor a detector that is known") as caught:
        architecture(cfg, 3)
    assert "\n" not in str(caught.value)


def test_architecture_file_is_built_with_the_classes_asked_for(tmp_path: Path) -> None:
    described = {**architecture("yolov5n", 80), "width_multiple": 0.125}
    described["anchors"] = [[5, 6, 7, 8], [11, 12, 13, 14], [21, 22, 23, 24]]
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    model = Yolov5(architecture(str(file), 2), ["x", "y"])
    assert model.arch["nc"] == 2
    assert model.anchors_px()[1] == [[11, 12], [13, 14]]
    assert [tuple(o.shape[1:]) for o in model.eval()(torch.zeros(1, 3, 64, 64))] == [
        (2, 8, 8, 7),
        (2, 4, 4, 7),
        (2, 2, 2, 7),
    ]


def test_sources_may_be_counted_backwards(tiny_model: Callable[..., Yolov5]) -> None:
    model = tiny_model()
    arch = copy.deepcopy(model.arch)
    arch["head"][2][0], arch["head"][6][0], arch["head"][-1][0] = [-1, 6 - 12], [-1, 4 - 16], [17 - 24, 20 - 24, -1]
    other = Yolov5(arch, model.names).eval()
    other.load_state_dict(model.state_dict())
    image = torch.rand(1, 3, 64, 64)
    assert all(torch.equal(a, b) for a, b in zip(model(image), other(image), strict=True))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"a: [1, 2", "not valid YAML", id="a bracket left open"),
        pytest.param(b"\xff\xfe\x00binary", "is not UTF-8 text", id="bytes that are no text"),
        pytest.param(b"", "expected a mapping", id="an empty file"),
        pytest.param(b"- 1\n", "expected a mapping", id="a list"),
        pytest.param(b"train: images\nnames: [a]\n", "expected a list of layers", id="a data.yaml given by mistake"),
    ],
)
def test_architecture_file_that_is_none(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        architecture(str(file), 3)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


def set_row(part: str, index: int, row: Any) -> Callable[[dict[str, Any]], None]:
    def change(arch: dict[str, Any]) -> None:
        arch[part][index] = row

    return change


def set_key(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda arch: arch.update({key: value})


CHECKED = [
    pytest.param(lambda a: a.pop("anchors"), "no key 'anchors'", id="a key is missing"),
    pytest.param(set_key("width_multiple", "wide"), "width_multiple is 'wide'", id="a width that is no number"),
    pytest.param(set_key("depth_multiple", -1), "depth_multiple is '-1'", id="a negative depth"),
    pytest.param(set_key("width_multiple", True), "width_multiple is 'True'", id="a truth value for a number"),
    pytest.param(set_key("anchors", []), r"anchors are \[\]", id="no anchors"),
    pytest.param(set_key("anchors", [[], [], []]), "anchors are", id="scales without anchors"),
    pytest.param(set_key("anchors", [[1, 2], [1, 2, 3, 4]]), "equally long", id="scales with unequal anchors"),
    pytest.param(set_key("anchors", [[1, 2, 3]] * 3), "w, h pairs", id="half a pair"),
    pytest.param(set_key("anchors", [[1, "x"]] * 3), "w, h pairs", id="an anchor that is no number"),
    pytest.param(set_key("anchors", [1, 2, 3]), "w, h pairs", id="a flat list"),
    pytest.param(set_key("backbone", None), "'backbone' is 'None'", id="no backbone"),
    pytest.param(set_key("head", []), "'head' is", id="an empty head"),
    pytest.param(set_key("head", "Conv"), "'head' is 'Conv'", id="a head that is text"),
    pytest.param(set_row("backbone", 2, [-1, 3, "C3"]), "layer 2 is", id="a layer of three entries"),
    pytest.param(set_row("backbone", 2, "C3"), "layer 2 is C3", id="a layer that is text"),
    pytest.param(set_row("backbone", 2, [-1, 3, "C3", 128]), "layer 2 is", id="arguments that are no list"),
    pytest.param(set_row("backbone", 0, [-1, 1, "Focus", [64, 3]]), "'Focus', expected one of", id="v5.0's stem"),
    pytest.param(set_row("backbone", 0, [-1, 1, ["Conv"], [64]]), "expected one of", id="a module that is a list"),
    pytest.param(set_row("head", -1, [-1, 1, "Conv", [64]]), "expected one Detect", id="no head at the end"),
    pytest.param(set_row("head", 0, [-1, 1, "Detect", []]), "expected one Detect", id="a head in the middle"),
]
BUILT = [
    pytest.param(set_row("head", 2, [[-1, 99], 1, "Concat", [1]]), id="a source that does not exist"),
    pytest.param(set_row("head", 2, [[-1, "x"], 1, "Concat", [1]]), id="a source that is no number"),
    pytest.param(set_row("head", 2, [[-1, 4], 1, "Concat", [1]]), id="a concatenation of unequal sizes"),
    pytest.param(set_row("backbone", 0, [-1, 1, "Conv", []]), id="no width"),
    pytest.param(set_row("backbone", 0, [-1, 1, "Conv", ["x"]]), id="a width that is no number"),
    pytest.param(set_row("backbone", 0, [5, 1, "Conv", [64]]), id="a first layer with a source"),
    pytest.param(set_row("backbone", 2, [-1, "x", "C3", [128]]), id="repeats that are no number"),
    pytest.param(set_row("head", 1, [-1, 1, "nn.Upsample", [2]]), id="too few arguments"),
    pytest.param(set_row("head", -1, [[17, 20], 1, "Detect", []]), id="fewer scales than anchors"),
    pytest.param(set_row("head", -1, [-1, 1, "Detect", []]), id="one source for a head of three scales"),
]


@pytest.mark.parametrize(("change", "message"), CHECKED)
def test_malformed_architecture_is_refused_with_its_source(change: Callable, message: str) -> None:
    arch = copy.deepcopy(architecture("yolov5n", 3))
    change(arch)
    with pytest.raises(ModelError, match=message) as caught:
        check_architecture(arch, "own.yaml")
    assert str(caught.value).startswith("own.yaml: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("change", BUILT)
def test_layers_that_do_not_fit_together_are_refused(change: Callable) -> None:
    arch = copy.deepcopy({**architecture("yolov5n", 3), "width_multiple": 0.125})
    change(arch)
    check_architecture(arch, "own.yaml")
    with pytest.raises(ModelError, match="the architecture cannot be built") as caught:
        Yolov5(arch, ["a", "b", "c"])
    assert "\n" not in str(caught.value)


def test_class_names_must_be_as_many_as_classes() -> None:
    with pytest.raises(ModelError, match="has 3 classes but 2 class names"):
        Yolov5(architecture("yolov5n", 3), ["a", "b"])


def test_model_without_classes_is_refused() -> None:
    with pytest.raises(ModelError, match="cannot be built"):
        Yolov5({**architecture("yolov5n", 0), "width_multiple": 0.125}, [])
