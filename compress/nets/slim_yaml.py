"""The slim YAML of YOLOv5-Light: YOLOv5's architecture with a factor for the width of each layer that may be narrower.

    [-1, 1, SlimConv, [128, 0.75, 3, 2]]            the convolution's outputs
    [-1, 3, SlimC3, [128, 0.75, [0.5, 1.0, 1.0]]]   cv3's outputs, and those of each bottleneck's first convolution
    [-1, 1, SlimSPPF, [1024, 0.5, 5]]               the outputs of cv1, which are pooled

A factor is a share of the channels at width_multiple, above 0 and up to 1; all other layers are as wide as the
architecture says. A SlimC3 may have a factor for each of its repeats before depth_multiple; the first ones count.
https://github.com/Cydia2018/YOLOv5-Light
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from compress.nets.detector import Detector
from compress.nets.focus import without_focus
from compress.nets.yolov5 import Yolov5, check_architecture
from compress.yaml_file import read_yaml
from deploy.errors import DataError, ModelError, UsageError

_PLAIN = {"SlimConv": "Conv", "SlimC3": "C3", "SlimSPPF": "SPPF"}
_SLIM = {plain: slim for slim, plain in _PLAIN.items()}
_PARTS = ("backbone", "head")

Factors = dict[str, float]
"""The share of its channels that a convolution keeps, by its name in the model."""


def is_slim(described: Any) -> bool:
    """Whether an architecture, as a YAML file holds it, has a layer with a factor."""
    rows = [row for _, row in _rows(described)] if isinstance(described, dict) else []
    return any(isinstance(row, list) and len(row) > 2 and row[2] in list(_PLAIN) for row in rows)


def plain_architecture(described: Mapping[str, Any], source: str) -> tuple[dict[str, Any], Factors]:
    """The architecture at full width, with the layers' usual names, and the factors of its narrower convolutions.

    Raises ModelError, naming the layer, for factors that are missing or out of range.
    """
    depth = described.get("depth_multiple", 1)
    factors: Factors = {}
    parts: dict[str, list[Any]] = {part: [] for part in _PARTS if isinstance(described.get(part), list)}
    for number, (part, row) in enumerate(_rows(described)):
        slim = isinstance(row, list) and len(row) == 4 and row[2] in list(_PLAIN)
        if slim:
            row = _plain_row(row, number, depth if _is_number(depth) else 1, factors, source)
        parts[part].append(row)
    return {**described, **parts}, factors


def read_slim_yaml(path: str | Path) -> tuple[dict[str, Any], Factors]:
    """The architecture at full width and the factors in a file. Raises ModelError for a file that is no slim YAML."""
    try:
        described = read_yaml(path, "slim YAML")
    except DataError as error:
        raise ModelError(str(error)) from None
    if not is_slim(described):
        raise ModelError(f"{path}: has no SlimConv, SlimC3 or SlimSPPF, expected the widths of a narrowed YOLOv5")
    plain, factors = plain_architecture(described, str(path))
    plain = without_focus(plain)
    check_architecture(plain, str(path))
    return plain, factors


def convolution_widths(model: nn.Module) -> dict[str, int]:
    """The output channels of every convolution, by its name."""
    return {name: layer.out_channels for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)}


def slim_layers(model: Detector) -> list[str]:
    """The names of the convolutions that a slim YAML has a factor for.

    Raises UsageError for a model that such a YAML cannot describe.
    """
    if not isinstance(model, Yolov5):
        raise UsageError(f"a slim YAML is one of YOLOv5's architectures with anchors; the model is a {model.family}")
    return [name for number, row in enumerate(_layers(model.arch)) for name in _convolutions(row, number, model)]


def slim_yaml(model: Detector) -> bytes:
    """The slim YAML of a model that has been narrowed: its architecture, with the widths as its tensors have them.

    Raises UsageError where another convolution than those with a factor is narrower than the architecture has it.
    """
    known = set(slim_layers(model))
    assert isinstance(model, Yolov5)
    whole = convolution_widths(Yolov5(model.arch, model.names, model.imgsz))
    own = convolution_widths(model)
    for name, width in own.items():
        if name not in known and width != whole[name]:
            raise UsageError(
                f"{name} has {width} of {whole[name]} channels, for which a slim YAML has no factor: "
                "it tells of Conv, of C3's cv3 and bottlenecks, and of SPPF's cv1"
            )
    shares = {name: own[name] / whole[name] for name in known}
    lines = [_line(key, value) for key, value in model.arch.items() if key not in _PARTS]
    number = 0
    for part in _PARTS:
        lines.append(f"{part}:\n")
        for row in model.arch[part]:
            lines.append(f"  - {_flow(_slim_row(row, number, model, shares))}\n")
            number += 1
    return "".join(lines).encode()


def _rows(described: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(part, row) for part in _PARTS if isinstance(described.get(part), list) for row in described[part]]


def _layers(arch: Mapping[str, Any]) -> list[list[Any]]:
    return [row for _, row in _rows(arch)]


def _plain_row(row: list[Any], number: int, depth: float, factors: Factors, source: str) -> list[Any]:
    origin, repeats, kind, args = row
    place = f"{source}: layer {number}"
    if not isinstance(args, list) or len(args) < (3 if kind == "SlimC3" else 2):
        wanted = (
            "[channels, factor, [factor of each bottleneck], ...]" if kind == "SlimC3" else "[channels, factor, ...]"
        )
        raise ModelError(f"{place} is a {kind} with {str(args)[:60]}, expected {wanted}")
    if kind != "SlimC3" and repeats != 1:
        raise ModelError(f"{place} is a {kind} that is repeated {str(repeats)[:20]} times, expected 1")
    factor = _factor(args[1], place, "factor")
    if kind == "SlimC3":
        factors[f"model.{number}.cv3.conv"] = factor
        if not _is_number(repeats) or not isinstance(args[2], list):
            raise ModelError(f"{place} has {str(args[2])[:60]} for its bottlenecks, expected a list of factors")
        count = max(round(repeats * depth), 1) if repeats > 1 else int(repeats)
        if len(args[2]) not in (count, repeats):
            raise ModelError(
                f"{place} has {len(args[2])} factors for its bottlenecks, expected {count}, or {repeats} before "
                "depth_multiple"
            )
        for inner, value in enumerate(args[2][:count]):
            factors[f"model.{number}.m.{inner}.cv1.conv"] = _factor(value, place, f"factor of bottleneck {inner}")
        return [origin, repeats, "C3", [args[0], *args[3:]]]
    factors[f"model.{number}.{'conv' if kind == 'SlimConv' else 'cv1.conv'}"] = factor
    return [origin, repeats, _PLAIN[kind], [args[0], *args[2:]]]


def _factor(value: Any, place: str, what: str) -> float:
    if not _is_number(value) or not 0 < value <= 1:
        raise ModelError(f"{place}: the {what} is {str(value)[:60]}, expected a number above 0 and up to 1")
    return float(value)


def _convolutions(row: list[Any], number: int, model: Yolov5) -> list[str]:
    """Those of a layer that have a factor, the layer's own first; none where it is not of these kinds."""
    _, repeats, kind, _ = row
    if kind == "C3":
        block = model.get_submodule(f"model.{number}.m")
        inner = [f"model.{number}.m.{i}.cv1.conv" for i in range(len(list(block.children())))]
        return [f"model.{number}.cv3.conv", *inner]
    if repeats != 1 or kind not in _SLIM:
        return []
    return [f"model.{number}.{'conv' if kind == 'Conv' else 'cv1.conv'}"]


def _slim_row(row: list[Any], number: int, model: Yolov5, shares: Factors) -> list[Any]:
    names = _convolutions(row, number, model)
    if not names:
        return row
    origin, repeats, kind, args = row
    own, *inner = (shares[name] for name in names)
    return [origin, repeats, _SLIM[kind], [args[0], own, *([inner] if kind == "C3" else []), *args[1:]]]


def _line(key: str, value: Any) -> str:
    return f"{key}: {_flow(value)}\n"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1_000_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
