"""What the results of a run depend on, each thing with its hash: two runs with equal ones give equal results."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from deploy.hashes import file_sha256
from deploy.run.pipeline_file import PipelineFile
from deploy.run.stream import Stream
from deploy.wire.onnx_limits import weight_files

AIPP_FILE = "aipp.cfg"


def inputs_of(pipeline: PipelineFile, stream: Stream, images: Path, names: Sequence[str]) -> dict[str, str]:
    """The hash (SHA-256, hexadecimal) of each thing that results depend on, by its name in a sentence.

    Images count by their folder and names, not by their bytes.
    """
    return {
        "engine": stream.on,
        "numerics": stream.numerics,
        "pipeline or threshold": _sha256(pipeline.text),
        "model, configuration or label file": _sha256(*(_content(file) for file in _files(pipeline))),
        "image folder": _sha256(str(images)),
        "image set": _sha256(*names),
    }


def _files(pipeline: PipelineFile) -> list[Path]:
    """The files that the pipeline names, with each model the ONNX of the same name and the AIPP file beside it."""
    beside = [path for model in pipeline.models() for path in (model.with_suffix(".onnx"), model.with_name(AIPP_FILE))]
    return [*pipeline.files(), *beside]


def _content(file: Path) -> str:
    if not file.is_file():
        return ""
    weights = weight_files(file) if file.suffix == ".onnx" else []
    return " ".join(file_sha256(one) for one in (file, *weights))


def _sha256(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode("utf-8", "replace"))
    return digest.hexdigest()
