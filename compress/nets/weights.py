"""Opens `--weights`, whatever it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compress.nets.checkpoint import load_checkpoint
from compress.nets.detector import Detector
from compress.nets.foreign import import_pt
from deploy.errors import ModelError
from deploy.hashes import file_sha256


def open_weights(path: str | Path) -> tuple[Detector, list[dict[str, Any]]]:
    """The model in one of our checkpoints or in a `.pt` of YOLOv5 or of the ultralytics package, and its history.

    Raises ModelError for any other file.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        return load_checkpoint(path)
    if path.suffix == ".pt":
        model = import_pt(path)
        return model, [{"stage": "import", "file": path.name, "sha256": file_sha256(path)}]
    raise ModelError(f"{path}: expected a checkpoint (.safetensors) or a .pt of YOLOv5 or ultralytics")
