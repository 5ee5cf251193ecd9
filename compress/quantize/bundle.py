"""Writes the int8 bundle: the float bundle's files with both forms of the quantised model in place of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx

from compress.export.bundle import MAKER
from deploy.bundle import DEPLOY_MODEL, MODEL, OM, Bundle, write_description
from deploy.errors import ReportedError
from deploy.hashes import file_sha256
from deploy.results.folder import result_folder
from deploy.whole_file import write_new

REPORT = "quantization.json"
CHIPS = ("Ascend310", "Ascend310P", "Ascend310B")
_OF_BUILD = (OM, "atc.sh", "atc.log", REPORT, DEPLOY_MODEL)


def write_int8_bundle(
    source: Bundle,
    out: Path,
    qdq: onnx.ModelProto,
    deploy: onnx.ModelProto,
    report: dict[str, Any],
    summary: dict[str, Any],
    entry: dict[str, Any],
) -> Path:
    """Write OUT whole or not at all; an existing bundle there moves to OUT.prev.

    `report` becomes quantization.json, `summary` the key "quantization" of bundle.json, `entry` the end of its history.
    Returns the folder. Raises UsageError where OUT holds something else, ReportedError when it cannot be written.
    """
    try:
        with result_folder(out, MAKER) as fresh:
            kept = [name for name in source.description["files"] if name not in (*_OF_BUILD, MODEL)]
            for name in kept:
                write_new(fresh / name, (source.folder / name).read_bytes())
            write_new(fresh / MODEL, qdq.SerializeToString())
            write_new(fresh / DEPLOY_MODEL, deploy.SerializeToString())
            write_new(fresh / REPORT, f"{json.dumps(report, indent=1)}\n".encode())
            atc = [f"--model={DEPLOY_MODEL}" if word.startswith("--model=") else word for word in source.atc]
            names = sorted([*kept, MODEL, DEPLOY_MODEL, REPORT])
            history = [stage for stage in source.description.get("history", []) if stage.get("stage") != "build"]
            write_description(
                fresh,
                {
                    **source.description,
                    "atc": atc,
                    "files": {name: file_sha256(fresh / name) for name in names},
                    "quantization": summary,
                    "history": [*history, entry],
                },
            )
    except OSError as error:
        raise ReportedError(f"{error.filename or out}: cannot be written ({error.strerror})") from None
    return out
