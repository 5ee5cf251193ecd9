"""What a measurement ran on, and what it measured: chip, CANN, SDK, processor; the model's file and its hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.bundle import DESCRIPTION
from deploy.hashes import file_sha256
from deploy.run.pipeline_file import PipelineFile


@dataclass(frozen=True)
class Machine:
    """`chip` as ATC calls it, such as "Ascend310B4"; `cann` and `sdk` versions; `board` what the device tree calls it;
    `processor` such as "aarch64". Texts are "" for what is not there or not known."""

    chip: str = ""
    cann: str = ""
    sdk: str = ""
    board: str = ""
    processor: str = ""
    cores: int = 0
    python: str = ""

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    def to_text(self) -> str:
        """ "Ascend310B4, CANN 7.0.0, no SDK, aarch64 with 4 cores" """
        cann = f"CANN {self.cann}" if self.cann else "no CANN"
        sdk = f"MindX SDK {self.sdk}" if self.sdk else "no SDK"
        processor = f"{self.processor} with {self.cores} cores"
        return ", ".join([*filter(None, (self.board, self.chip)), cann, sdk, processor])


def measured_model(pipeline: PipelineFile, host: bool) -> dict[str, Any]:
    """The first model that a pipeline names: `file`, its `sha256`, and of the bundle around it `onnx_sha256`, by which
    the same model is known on every chip (""), `architecture` ("") and `imgsz` ([height, width], None).

    On the `host` it is the ONNX file beside the .om.
    """
    models = pipeline.models()
    if not models:
        return {"file": "", "sha256": "", "onnx_sha256": "", "architecture": "", "imgsz": None}
    file = models[0].with_suffix(".onnx") if host else models[0]
    bundle = _description(file.parent)
    return {
        "file": file.name,
        "sha256": file_sha256(file),
        "onnx_sha256": str(bundle.get("files", {}).get(file.with_suffix(".onnx").name, "")),
        "architecture": str(bundle.get("architecture") or ""),
        "imgsz": bundle.get("imgsz"),
    }


def _description(folder: Path) -> dict[str, Any]:
    """bundle.json of a folder that was opened as a bundle; {} for a model that stands alone."""
    try:
        found = json.loads((folder / DESCRIPTION).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
