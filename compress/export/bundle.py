"""Writes the bundle: one folder with everything that the host and the board need, movable as a whole.

The keys of bundle.json are described in docs/formats.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compress.cost.chips import DEFAULT_SOC
from compress.export.onnx_file import INPUT_NAME, OnnxModel
from compress.export.streams import VIDEO, labels_text, stream_texts
from compress.nets.detector import Detector
from compress.nets.size import flops, parameters
from compute_mAP.regular_file import read_bounded
from deploy.aipp.write import aipp_text
from deploy.atc.command import atc_command
from deploy.errors import ReportedError
from deploy.hashes import file_sha256
from deploy.results.folder import check_room, result_folder
from deploy.results.ours import Maker
from deploy.whole_file import write_new

SCHEMA_VERSION = 1
_OF_TASKS = tuple(f"{task}.{kind}" for task in ("detect", "eval") for kind in ("cfg", "pipeline", "sdk2.pipeline"))
_OF_ATC = (
    "model.om",
    "atc.sh",
    "atc.log",
    "atc.failed.log",
    "fusion_result.json",
    "kernel_meta/*",
)
_OF_INT8 = ("model_deploy.onnx", "quantization.json")


def _edited(folder: Path) -> Iterator[str]:
    """The files whose hash is not the one in bundle.json."""
    try:
        for name, digest in json.loads(read_bounded(folder / "bundle.json"))["files"].items():
            if (folder / name).is_file() and file_sha256(folder / name) != digest:
                yield name
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        yield "bundle.json"


MAKER = Maker(
    "export",
    "bundle",
    ("bundle.json", "model.onnx", "labels.names", "aipp.cfg", VIDEO, *_OF_TASKS, *_OF_ATC, *_OF_INT8),
    lambda folder: (folder / "bundle.json").is_file(),
    marks=False,
    edited=_edited,
)


def write_bundle(
    model: Detector,
    onnx_model: OnnxModel,
    out: str | Path,
    imgsz: int,
    history: list[dict[str, Any]],
    soc: str = DEFAULT_SOC,
) -> Path:
    """Write OUT whole or not at all: an existing bundle there moves to OUT.prev, any other folder is refused.

    Returns the folder. Raises UsageError when OUT holds something else, ReportedError when it cannot be written.
    """
    out = check_out(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with result_folder(out, MAKER) as fresh:
            _fill(fresh, model, onnx_model, imgsz, history, soc)
    except OSError as error:
        raise ReportedError(f"{error.filename or out}: cannot be written ({error.strerror})") from None
    return out


def check_out(out: str | Path) -> Path:
    """The folder `out`, absolute. Raises UsageError unless it is new, empty or a bundle, and OUT.prev as well."""
    out = Path(out).resolve()
    check_room(out, MAKER)
    return out


def _fill(
    folder: Path, model: Detector, onnx_model: OnnxModel, imgsz: int, history: list[dict[str, Any]], soc: str
) -> None:
    texts = {
        "aipp.cfg": aipp_text(imgsz, imgsz),
        "labels.names": labels_text(model.names),
        **stream_texts(model, imgsz),
    }
    write_new(folder / "model.onnx", onnx_model.content)
    for name, text in texts.items():
        write_new(folder / name, text.encode("utf-8"))
    description = {
        "schema_version": SCHEMA_VERSION,
        "kind": "bundle",
        "architecture": model.family,
        "imgsz": [imgsz, imgsz],
        "stride": model.stride,
        "anchors": model.anchors_px(),
        "names": model.names,
        "input": {"name": INPUT_NAME, "shape": [1, 3, imgsz, imgsz]},
        "outputs": onnx_model.outputs,
        "atc": atc_command(imgsz, imgsz, INPUT_NAME, onnx_model.outputs, soc),
        "files": {name: file_sha256(folder / name) for name in sorted([*texts, "model.onnx"])},
        "parameters": parameters(model),
        "flops": flops(model, imgsz),
        "history": history,
    }
    write_new(folder / "bundle.json", f"{json.dumps(description, indent=1)}\n".encode())
