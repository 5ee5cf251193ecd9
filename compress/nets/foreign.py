"""Imports a `.pt` of ultralytics/yolov5 (v5.0, v6.x, v7.0) or of the ultralytics package (YOLOv8, YOLO11, YOLOv5u):
their own or a user's `best.pt`, running none of its code.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from compress.nets.detector import Detector
from compress.nets.family import check_architecture, has_anchors
from compress.nets.focus import focus_layers, without_focus, without_focus_tensors
from compress.nets.inert_pickle import Record, read_inert
from compress.nets.load_tensors import load_tensors
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov8 import AnchorFree, kept_keys
from deploy.errors import ModelError

_NORM_EPS = 1e-3
_LARGEST_SIDE = 4096


def import_pt(path: str | Path) -> Detector:
    """The detector in a `.pt`, fp32, in eval mode, with its own classes (and anchors, where it has some).

    The EMA weights are taken where the file has them, as ultralytics itself does.
    Raises ModelError for anything but a checkpoint of a detector of these families.
    """
    path = Path(path)
    content = read_inert(path)
    kept = [content.get(key) for key in ("ema", "model")] if isinstance(content, dict) else []
    record: Any = next((value for value in kept if isinstance(value, Record)), None)
    if record is None:
        raise ModelError(f"{path}: holds no model, expected a checkpoint of YOLO with the key 'model' or 'ema'")
    try:
        tensors, kinds = dict(_tensors(record, "")), dict(_kinds(record, ""))
        arch = _plain(getattr(record, "yaml", None))
    except RecursionError:
        raise ModelError(f"{path}: its modules contain each other, expected a checkpoint of YOLO") from None
    try:
        if has_anchors(arch) or not record.kind.startswith("ultralytics."):
            model: Detector = _with_anchors(record, arch, tensors, path)
        else:
            model = _anchor_free(record, arch, tensors, path)
        _check_layers(model, kinds)
    except ModelError as error:
        raise ModelError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    model.imgsz = _trained_side(content, model.imgsz, max(model.stride))
    return model.eval()


def _with_anchors(record: Any, arch: Any, tensors: dict[str, torch.Tensor], path: Path) -> Yolov5:
    focus = focus_layers(arch) if isinstance(arch, dict) else []
    if focus:
        arch, tensors = without_focus(arch), without_focus_tensors(tensors, focus)
    check_architecture(arch, str(path), Yolov5.family)
    head = f"model.{len(arch['backbone']) + len(arch['head']) - 1}"
    weight = tensors.get(f"{head}.m.0.weight", torch.empty(0))
    if weight.dim() != 4 or f"{head}.anchors" not in tensors:
        raise ModelError(f"{path}: its last layer is no anchor head of YOLOv5 ({record.kind})")
    classes = weight.shape[0] // (len(arch["anchors"][0]) // 2) - 5
    model = Yolov5({**arch, "nc": classes}, _names(record, classes))
    for key, wanted in model.state_dict().items():
        found = tensors.get(key)
        if found is None:
            raise ModelError(f"{path}: has no tensor '{key}'; is it a YOLOv5 detector, and not fused?")
        if found.shape != wanted.shape:
            raise ModelError(
                f"{path}: tensor '{key}' has shape {list(found.shape)}, its architecture needs {list(wanted.shape)}"
            )
        wanted.copy_(found)
    model.update_derived()
    model.arch["anchors"] = [[v for pair in row for v in pair] for row in model.anchors_px()]
    return model


def _anchor_free(record: Any, arch: Any, tensors: dict[str, torch.Tensor], path: Path) -> AnchorFree:
    check_architecture(arch, str(path))
    head = f"model.{len(arch['backbone']) + len(arch['head']) - 1}"
    bias = tensors.get(f"{head}.cv3.0.2.bias", torch.empty(0))
    if bias.dim() != 1 or not len(bias):
        raise ModelError(f"{path}: its last layer is no anchor-free detection head ({record.kind})")
    model = AnchorFree({**kept_keys(arch), "nc": len(bias)}, _names(record, len(bias)))
    expected = model.state_dict()
    missing = next((key for key in expected if key not in tensors), None)
    if missing:
        raise ModelError(f"{path}: has no tensor '{missing}'; is it a detector, and not fused?")
    load_tensors(model, {key: tensors[key] for key in expected}, str(path))
    side = 2 * max(model.stride)
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, side, side))
    except RuntimeError as error:
        raise ModelError(f"{path}: its layers do not fit together ({str(error).splitlines()[0]})") from None
    return model


def _check_layers(model: nn.Module, kinds: dict[str, Record]) -> None:
    """What tensors and architecture do not say: activations and the batch norms' epsilon must be those we build."""
    for name, module in model.named_modules(remove_duplicate=False):
        found = kinds.get(name)
        if found is None:
            continue
        kind = found.kind.rpartition(".")[2]
        if found.kind.startswith("torch.nn.modules.activation.") and kind != type(module).__name__:
            raise ModelError(f"layer '{name}' is a {kind}, its architecture has {type(module).__name__}")
        eps = getattr(found, "eps", _NORM_EPS)
        if isinstance(module, nn.BatchNorm2d) and eps != _NORM_EPS:
            raise ModelError(f"batch norm '{name}' has the epsilon {eps}, expected {_NORM_EPS}")


def _trained_side(content: dict[str, Any], default: int, coarsest: int) -> int:
    """The side of the input in pixels that the file says it was trained for, where it says so."""
    told = content.get("train_args", content.get("opt"))
    side = told.get("imgsz") if isinstance(told, dict) else None
    if isinstance(side, int) and coarsest <= side <= _LARGEST_SIDE and side % coarsest == 0:
        return side
    return default


def _tensors(record: Any, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    for part in ("_parameters", "_buffers", "_modules"):
        table = record.__dict__.get(part)
        for name, value in table.items() if isinstance(table, dict) else ():
            if isinstance(value, torch.Tensor):
                yield f"{prefix}{name}", value
            elif isinstance(value, Record):
                yield from _tensors(value, f"{prefix}{name}.")


def _kinds(record: Any, prefix: str) -> Iterator[tuple[str, Record]]:
    table = record.__dict__.get("_modules")
    for name, value in table.items() if isinstance(table, dict) else ():
        if isinstance(value, Record):
            yield f"{prefix}{name}", value
            yield from _kinds(value, f"{prefix}{name}.")


def _names(record: Any, classes: int) -> list[str]:
    names = getattr(record, "names", None)
    if isinstance(names, dict):
        names = [names.get(i) for i in range(len(names))]
    if not isinstance(names, list) or len(names) != classes or not all(isinstance(n, str) for n in names):
        raise ModelError(f"has {classes} classes in its head but the names {str(names)[:80]}")
    return names


def _plain(value: Any) -> Any:
    """The architecture as JSON can hold it (tuples of a pickle become lists)."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
