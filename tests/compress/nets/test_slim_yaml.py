"""The slim YAML: what it says comes back as it was, and files that are none are refused with the layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from compress.nets.family import architecture, build
from compress.nets.slim_yaml import convolution_widths, is_slim, plain_architecture, slim_layers, slim_yaml
from compress.nets.yolov5 import Yolov5
from deploy.errors import ModelError, UsageError


@pytest.fixture
def described(tiny_model: Callable[..., Yolov5]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(slim_yaml(tiny_model()))
    return found


def test_a_whole_model_has_factors_of_one(tiny_model: Callable[..., Yolov5], described: dict[str, Any]) -> None:
    model = tiny_model()
    assert is_slim(described) and not is_slim(model.arch)
    arch, factors = plain_architecture(described, "x.yaml")
    assert arch == model.arch
    assert factors == dict.fromkeys(slim_layers(model), 1.0)
    narrow = {name for name in factors if name.startswith(("model.2.", "model.9."))}
    assert narrow == {"model.2.cv3.conv", "model.2.m.0.cv1.conv", "model.9.cv1.conv"}


def test_repeats_before_depth_multiple(described: dict[str, Any]) -> None:
    """YOLOv5-Light's own files for n have nine factors where three bottlenecks are built."""
    described["backbone"][6] = [-1, 9, "SlimC3", [512, 0.5, [0.25, 0.5, 0.75, *[1.0] * 6]]]
    _, factors = plain_architecture(described, "x.yaml")
    assert [factors[f"model.6.m.{i}.cv1.conv"] for i in range(3)] == [0.25, 0.5, 0.75]
    assert "model.6.m.3.cv1.conv" not in factors


@pytest.mark.parametrize(
    "layer, row, reason",
    [
        (0, [-1, 1, "SlimConv", [64]], r"layer 0 is a SlimConv with \[64\], expected \[channels, factor, ...\]"),
        (0, [-1, 1, "SlimConv", [64, 0.0, 6]], "layer 0: the factor is 0.0, expected a number above 0 and up to 1"),
        (0, [-1, 1, "SlimConv", [64, True, 6]], "layer 0: the factor is True"),
        (0, [-1, 1, "SlimConv", 64], "layer 0 is a SlimConv with 64"),
        (0, [-1, 2, "SlimConv", [64, 1.0]], "layer 0 is a SlimConv that is repeated 2 times, expected 1"),
        (1, [-1, 1, "SlimConv", [128, 1.5]], "layer 1: the factor is 1.5"),
        (2, [-1, 3, "SlimC3", [128, 1.0]], r"layer 2 is a SlimC3 with .* expected .*each bottleneck"),
        (2, [-1, 3, "SlimC3", [128, 1.0, 1.0]], "layer 2 has 1.0 for its bottlenecks, expected a list"),
        (2, [-1, 3, "SlimC3", [128, 1.0, [1.0, 1.0]]], "layer 2 has 2 factors for its bottlenecks, expected 1, or 3"),
        (2, [-1, 3, "SlimC3", [128, 1.0, ["a"]]], "layer 2: the factor of bottleneck 0 is a"),
        (9, [-1, 1, "SlimSPPF", [1024, -1, 5]], "layer 9: the factor is -1"),
    ],
)
def test_what_is_no_factor(described: dict[str, Any], layer: int, row: list[Any], reason: str) -> None:
    described["backbone"][layer] = row
    with pytest.raises(ModelError, match=f"^x.yaml: {reason}"):
        plain_architecture(described, "x.yaml")


def test_as_a_cfg_it_is_the_architecture(described: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "slim.yaml"
    file.write_text(yaml.safe_dump(described))
    arch = architecture(str(file), 2)
    assert arch["nc"] == 2 and arch["backbone"][0] == [-1, 1, "Conv", [64, 6, 2, 2]]


def test_another_layer_that_is_narrower(tiny_model: Callable[..., Yolov5], monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    model.get_submodule("model.2.cv1.conv").out_channels -= 1
    width = convolution_widths(model)["model.2.cv1.conv"]
    with pytest.raises(UsageError, match=rf"^model.2.cv1.conv has {width} of {width + 1} channels, for which"):
        slim_yaml(model)


def test_other_families_have_none() -> None:
    arch = {**architecture("yolov8n", 1), "scale": "n"}
    with pytest.raises(UsageError, match="the model is a yolov8"):
        slim_layers(build(arch, ["a"], 64))
