"""Opens `--weights`, whatever it is, and fits a detector to a data set's classes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from compress.nets.anchor_head import AnchorDetect
from compress.nets.checkpoint import file_sha256, load_checkpoint
from compress.nets.foreign import import_yolov5
from compress.nets.yolov5 import Yolov5
from compute_mAP.errors import ModelError


def open_weights(path: str | Path) -> tuple[Yolov5, list[dict[str, Any]]]:
    """The model in one of our checkpoints or in a foreign YOLOv5 `.pt`, and its history.

    Raises ModelError for any other file.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        return load_checkpoint(path)
    if path.suffix == ".pt":
        model = import_yolov5(path)
        return model, [{"stage": "import", "file": path.name, "sha256": file_sha256(path)}]
    raise ModelError(f"{path}: expected a checkpoint (.safetensors) or a YOLOv5 checkpoint (.pt)")


def with_classes(model: Yolov5, names: list[str]) -> Yolov5:
    """A detector for other classes: everything is kept but the head's convolutions, which start anew.

    A pruned model keeps its shapes.
    """
    fitted = copy.deepcopy(model)
    old = fitted.head
    anchors = [[side for pair in row for side in pair] for row in old.anchors_px.tolist()]
    head = AnchorDetect(len(names), anchors, [conv.in_channels for conv in old.m])  # type: ignore[misc]
    head.set_stride(old.stride)
    head.reset_biases()
    head.i, head.f = old.i, old.f
    fitted.model[-1] = head.train(old.training)
    fitted.arch["nc"], fitted.names = len(names), list(names)
    return fitted
