"""Our checkpoint file: tensors in safetensors form with a JSON header. Loading it runs no code of the file.

The header's keys are described in docs/formats.md.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from compress.nets.detector import Detector
from compress.nets.family import build, check_architecture
from compress.nets.load_tensors import load_tensors
from deploy.errors import ModelError
from deploy.plain_name import plain_name
from deploy.strict_json import strict_json
from deploy.whole_file import write_whole

SCHEMA_VERSION = 1
_METADATA_KEY = "ascend-yolo-slim"
_LARGEST_SIDE = 4096
_EXPECTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "family": (lambda value: isinstance(value, str), "a text"),
    "names": (lambda value: _is_list_of(value, str) and bool(value), "a list of class names"),
    "imgsz": (
        lambda value: type(value) is int and 32 <= value <= _LARGEST_SIDE and value % 32 == 0,
        f"a whole number, a multiple of 32 up to {_LARGEST_SIDE}",
    ),
    "history": (
        lambda value: _is_list_of(value, dict) and all(isinstance(entry.get("stage"), str) for entry in value),
        "a list of stages",
    ),
}


def save_checkpoint(model: Detector, path: str | Path, history: list[dict[str, Any]], half: bool = False) -> None:
    """Write the model, whole or not at all; the rest as `checkpoint_bytes`."""
    write_whole(Path(path), checkpoint_bytes(model, history, half))


def checkpoint_bytes(model: Detector, history: list[dict[str, Any]], half: bool = False) -> bytes:
    """The file's content. `history` lists the stages the model went through, the latest last.

    With `half`, floating tensors are stored as float16 (half the size; they are read back as float32).
    """
    header = {
        "schema_version": SCHEMA_VERSION,
        "kind": "checkpoint",
        "family": model.family,
        "arch": model.arch,
        "names": model.names,
        "imgsz": model.imgsz,
        "stride": model.stride,
        "anchors": model.anchors_px(),
        "history": history,
    }
    tensors = {
        # anchors are few and exact numbers of the user's
        key: (value.half() if half and value.is_floating_point() and not key.endswith(".anchors") else value)
        .detach()
        .cpu()
        .contiguous()
        for key, value in model.state_dict().items()
    }
    return save(tensors, metadata={_METADATA_KEY: json.dumps(header)})


def read_header(path: str | Path) -> dict[str, Any]:
    """The JSON header of a checkpoint. Raises ModelError when the file is missing, damaged or not one of ours."""
    return _read(Path(path), with_tensors=False)[0]


def load_checkpoint(path: str | Path) -> tuple[Detector, list[dict[str, Any]]]:
    """The model (fp32, in eval mode, slimmed where its tensors are) and the history of its stages.

    Raises ModelError when the file is missing, truncated, not one of ours, or when tensors and header disagree.
    """
    path = Path(path)
    header, tensors = _read(path, with_tensors=True)
    check_architecture(header.get("arch"), str(path), header.get("family"))
    for key, (fits, wanted) in _EXPECTED.items():
        if key not in header:
            raise ModelError(f"{path}: its header has no key '{key}'")
        if not fits(header[key]):
            raise ModelError(f"{path}: '{key}' in its header is {str(header[key])[:60]!r}, expected {wanted}")
    try:
        model = build(header["arch"], header["names"], header["imgsz"])
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    load_tensors(model, tensors, str(path))
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, 2 * max(model.stride), 2 * max(model.stride)))
    except RuntimeError as error:
        raise ModelError(f"{path}: its layers do not fit together ({str(error).splitlines()[0]})") from None
    return model, header["history"]


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(entry, kind) for entry in value)


def _read(path: Path, with_tensors: bool) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    if not path.is_file():
        raise ModelError(f"{path}: no such file, expected a checkpoint")
    try:
        with plain_name(path) as name, safe_open(name, framework="pt") as stored:
            text = (stored.metadata() or {}).get(_METADATA_KEY)
            tensors = {key: stored.get_tensor(key) for key in stored.keys()} if with_tensors else {}  # noqa: SIM118
        header = strict_json(text) if text else None
    except (SafetensorError, ValueError) as error:
        other = "; a file of PyTorch has the suffix .pt" if zipfile.is_zipfile(path) else ""
        raise ModelError(f"{path}: not a safetensors file, or a damaged one ({error}){other}") from None
    if not isinstance(header, dict) or header.get("kind") != "checkpoint":
        raise ModelError(f"{path}: a safetensors file, but not a checkpoint of this project (no header of ours)")
    if header.get("schema_version") != SCHEMA_VERSION:
        raise ModelError(
            f"{path}: schema_version is {str(header.get('schema_version'))[:60]}, this version reads {SCHEMA_VERSION}"
        )
    return header, tensors
