"""Imports a checkpoint of ultralytics/yolov5: COCO's own or a user's `best.pt`, running none of its code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from compress.nets.inert_pickle import Record, read_inert
from compress.nets.yolov5 import Yolov5, check_architecture
from compute_mAP.errors import ModelError


def import_yolov5(path: str | Path) -> Yolov5:
    """The detector in a YOLOv5 v6.x `.pt`, fp32, in eval mode, with its own classes and anchors.

    The EMA weights are taken where the file has them, as YOLOv5 itself does.
    Raises ModelError for anything but a YOLOv5 v6.x detection checkpoint.
    """
    path = Path(path)
    content = read_inert(path)
    kept = [content.get(key) for key in ("ema", "model")] if isinstance(content, dict) else []
    record: Any = next((value for value in kept if isinstance(value, Record)), None)
    if record is None:
        raise ModelError(f"{path}: holds no model, expected a YOLOv5 checkpoint with the key 'model' or 'ema'")
    arch = getattr(record, "yaml", None)
    check_architecture(arch, str(path))
    try:
        tensors, arch = dict(_tensors(record, "")), _plain(arch)
    except RecursionError:
        raise ModelError(f"{path}: its modules contain each other, expected a YOLOv5 checkpoint") from None
    head = f"model.{len(arch['backbone']) + len(arch['head']) - 1}"
    weight = tensors.get(f"{head}.m.0.weight", torch.empty(0))
    if weight.dim() != 4 or f"{head}.anchors" not in tensors:
        raise ModelError(f"{path}: its last layer is no anchor head of YOLOv5 ({record.kind})")
    classes = weight.shape[0] // (len(arch["anchors"][0]) // 2) - 5
    try:
        model = Yolov5({**arch, "nc": classes}, _names(record, classes, path))
    except ModelError as error:
        raise ModelError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    expected = model.state_dict()
    for key, wanted in expected.items():
        found = tensors.get(key)
        if found is None:
            raise ModelError(f"{path}: has no tensor '{key}'; is it a YOLOv5 v6.x detector?")
        if found.shape != wanted.shape:
            raise ModelError(
                f"{path}: tensor '{key}' has shape {list(found.shape)}, its architecture needs {list(wanted.shape)}"
            )
        wanted.copy_(found)
    model.head.anchors_px = model.head.anchors * model.head.stride.view(-1, 1, 1)
    model.arch["anchors"] = [[v for pair in row for v in pair] for row in model.anchors_px()]
    return model.eval()


def _tensors(record: Any, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    for part in ("_parameters", "_buffers", "_modules"):
        table = record.__dict__.get(part)
        for name, value in table.items() if isinstance(table, dict) else ():
            if isinstance(value, torch.Tensor):
                yield f"{prefix}{name}", value
            elif isinstance(value, Record):
                yield from _tensors(value, f"{prefix}{name}.")


def _names(record: Any, classes: int, path: Path) -> list[str]:
    names = getattr(record, "names", None)
    if isinstance(names, dict):
        names = [names.get(i) for i in range(len(names))]
    if not isinstance(names, list) or len(names) != classes or not all(isinstance(n, str) for n in names):
        raise ModelError(f"{path}: has {classes} classes in its head but the names {str(names)[:80]}")
    return names


def _plain(value: Any) -> Any:
    """The architecture as JSON can hold it (tuples of a pickle become lists)."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
