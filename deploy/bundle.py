"""Opens a bundle: the folder with a model, its cfg files and its pipelines, described by bundle.json."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from compute_mAP.regular_file import read_bounded
from deploy.errors import ModelError
from deploy.hashes import file_sha256
from deploy.strict_json import strict_json
from deploy.whole_file import write_whole
from deploy.wire.onnx_limits import weight_files

DESCRIPTION = "bundle.json"
MODEL = "model.onnx"
DEPLOY_MODEL = "model_deploy.onnx"
"""In an int8 bundle, the graph that ATC converts; model.onnx there is the same quantisation as QDQ."""
OM = "model.om"
_MADE_BY = {
    MODEL: "exported; export the bundle again",
    DEPLOY_MODEL: "written; quantise the bundle again",
    OM: "built; run build.sh again",
}
"""What a changed model file is not, and what to do about it."""
REQUIRED = (MODEL, "detect.pipeline", "eval.pipeline")


@dataclass(frozen=True)
class Bundle:
    """`names` are the classes in the order of their ids, `imgsz` is [height, width] in pixels, `atc` the argument list.

    `description` is bundle.json as it stands; `notes` has a sentence for each file that was edited after the export.
    """

    folder: Path
    names: list[str]
    imgsz: list[int]
    atc: list[str]
    description: dict[str, Any]
    notes: list[str]

    @property
    def converted(self) -> str:
        """The ONNX file that ATC converts."""
        return DEPLOY_MODEL if self.quantization else MODEL

    @property
    def quantization(self) -> dict[str, Any]:
        """What an int8 bundle says of itself ("precision", "chips", ...); empty for another one."""
        return self.description.get("quantization") or {}


def open_bundle(folder: Path | str, ignore: Collection[str] = ()) -> Bundle:
    """Read bundle.json and check the files that it lists but for those in `ignore`. Nothing is executed or changed.

    Raises ModelError for a folder without bundle.json, a malformed one, a listed file that is missing or lies outside
    the folder, a model.onnx (or a file of its weights) that is not the exported one and a model.om that is not the
    built one. An edited cfg,
    pipeline or label file is only noted.
    """
    place = Path(folder)
    file = place / DESCRIPTION
    if not place.is_dir():
        raise ModelError(f"the bundle {place} {'is a file; expected a folder' if place.exists() else 'does not exist'}")
    try:
        description = strict_json(read_bounded(file))
    except FileNotFoundError:
        raise ModelError(f"{place} is not a bundle: it has no {DESCRIPTION}") from None
    except OSError as fault:
        raise ModelError(f"{file} cannot be read: {fault.strerror}") from None
    except ValueError as fault:
        raise ModelError(f"{file} is not JSON: {fault}") from None
    _check(file, description)
    notes = []
    for name, expected in description["files"].items():
        if name in ignore:
            continue
        found = _sha256(place / name, file)
        if found == expected:
            continue
        if name in _MADE_BY:
            made, _, remedy = _MADE_BY[name].partition("; ")
            raise ModelError(
                f"{place / name} is not the model that was {made}: its SHA-256 starts with {found[:12]}, "
                f"{DESCRIPTION} says {expected[:12]}; {remedy}"
            )
        notes.append(f"{place / name} was edited since the export (its hash differs); it is used as it is")
    for weights in weight_files(place / MODEL) if MODEL not in ignore else []:
        name = str(weights.relative_to(place))
        if name not in description["files"]:
            raise ModelError(
                f"{place / MODEL} keeps weights in {name}, whose SHA-256 'files' of {DESCRIPTION} does not list, so "
                "they may have been changed; export the bundle again, or put the weights into the ONNX file"
            )
        if _sha256(weights, file) != description["files"][name]:
            raise ModelError(
                f"{weights}, weights of {MODEL}, is not the file that was exported; export the bundle again"
            )
    return Bundle(place, description["names"], description["imgsz"], description["atc"], description, notes)


def rewrite(bundle: Bundle, texts: dict[str, str], add: Collection[str] = (), **changes: Any) -> None:
    """Write text files into a bundle, and into bundle.json their hashes, those of the files in `add`, and `changes`.

    Each file is written whole or not at all, bundle.json last.
    """
    for name, text in texts.items():
        write_whole(bundle.folder / name, text.encode("utf-8"))
    files = bundle.description["files"]
    hashes = {name: file_sha256(bundle.folder / name) for name in (*texts, *add)}
    write_description(
        bundle.folder, {**bundle.description, **changes, "files": dict(sorted({**files, **hashes}.items()))}
    )


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Write bundle.json, whole or not at all."""
    text = json.dumps(description, indent=1, ensure_ascii=False) + "\n"
    write_whole(folder / DESCRIPTION, text.encode("utf-8"))


def _check(file: Path, description: Any) -> None:
    if not isinstance(description, dict):
        raise ModelError(f"{file}: expected a JSON object, found {_shown(description)}")
    for key, valid, expected in _KEYS:
        if key not in description:
            raise ModelError(f"{file}: the key '{key}' is missing; expected {expected}")
        if not valid(description[key]):
            raise ModelError(f"{file}: '{key}' is {_shown(description[key])}; expected {expected}")
    for name in description["files"]:
        if not _is_plain(name):
            raise ModelError(f"{file}: 'files' names {name!r}, which does not stay in the bundle's folder")
    quantization = description.get("quantization")
    if quantization is not None and not (isinstance(quantization, dict) and _is_texts(quantization.get("chips"))):
        raise ModelError(f"{file}: 'quantization' is {_shown(quantization)}; expected an object with 'chips'")
    for name in (*REQUIRED, DEPLOY_MODEL) if quantization else REQUIRED:
        if name not in description["files"]:
            raise ModelError(f"{file}: 'files' does not list {name}")


def _sha256(path: Path, listed_in: Path) -> str:
    try:
        return file_sha256(path)
    except FileNotFoundError:
        raise ModelError(f"the bundle's file {path} is missing; {listed_in.name} lists it") from None
    except OSError as fault:
        raise ModelError(f"the bundle's file {path} cannot be read: {fault.strerror}") from None


def _is_plain(name: str) -> bool:
    return bool(name) and name not in (".", "..") and not set("/\\\0") & set(name) and not PureWindowsPath(name).drive


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, str) and entry for entry in value)


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(side) is int and side > 0 for side in value)


def _is_hashes(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest) for digest in value.values()
    )


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


_KEYS = (
    ("schema_version", lambda value: type(value) is int and value == 1, "1"),
    ("kind", lambda value: value == "bundle", '"bundle"'),
    ("names", _is_texts, "a list of class names"),
    ("imgsz", _is_size, "[height, width] in pixels"),
    ("atc", _is_texts, "the ATC command as a list of arguments"),
    ("files", _is_hashes, "an object with the SHA-256 of each file"),
)
