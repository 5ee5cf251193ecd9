"""Writes a `.pt` that the ultralytics package loads by itself: its own model class, its own layers, nothing of ours."""

from __future__ import annotations

from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
import ultralytics
from ultralytics.utils.checks import check_yolov5u_filename

from compress.nets.detector import Detector
from compress.nets.yolov8 import AnchorFree
from deploy.errors import ModelError, ReportedError, UsageError
from deploy.whole_file import write_whole

_HOMES = ("torch.", "ultralytics.")


def write_stock(model: Detector, path: str | Path, history: list[dict[str, Any]]) -> Path:
    """Write the file, whole or not at all; float32, with `history` beside the model.

    `YOLO(path)` loads, validates, predicts with and exports it. Its `train` builds the model anew from the YAML and so
    loses pruned widths; fine-tuning is this project's.
    Raises ModelError for a model with anchors, which ultralytics lacks, and UsageError for a name that it takes for
    that of another file.
    """
    path = Path(path)
    read_as = check_yolov5u_filename(path.name, verbose=False)
    if read_as != path.name:
        raise UsageError(f"{path}: the ultralytics package would look for {read_as} instead; give it another name")
    if not isinstance(model, AnchorFree):
        raise ModelError(
            f"a {model.family} with anchors has a head that the ultralytics package does not know; "
            "--stock takes those without anchors, such as YOLOv8, YOLO26 and YOLOv5u"
        )
    content = BytesIO()
    torch.save(stock_content(model, history), content)
    try:
        write_whole(path, content.getvalue())
    except OSError as error:
        raise ReportedError(f"{path}: cannot be written ({str(error).splitlines()[0]})") from None
    return path


def stock_content(model: AnchorFree, history: list[dict[str, Any]]) -> dict[str, Any]:
    """The checkpoint as ultralytics' trainer leaves it after its last epoch."""
    plain: Any = model.plain().cpu().float().eval()
    foreign = {type(m).__module__ for m in plain.modules() if not type(m).__module__.startswith(_HOMES)}
    assert not foreign, f"a stock ultralytics would take {foreign} for a missing requirement"
    name = f"{model.family.removesuffix('u')}{model.arch.get('scale', '')}"
    plain.yaml = {**plain.yaml, "yaml_file": f"{name}.yaml"}
    plain.task = "detect"
    plain.requires_grad_(False)
    return {
        "epoch": -1,
        "best_fitness": None,
        "model": plain,
        "ema": None,
        "updates": None,
        "optimizer": None,
        "train_args": {"task": "detect", "model": f"{name}.yaml", "imgsz": model.imgsz},
        "date": datetime.now(timezone.utc).isoformat(),
        "version": ultralytics.__version__,
        "history": history,
    }
