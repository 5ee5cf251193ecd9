"""Weights that an ONNX file keeps in other files: where they lie, and that they lie in the model's own folder."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple


class External(NamedTuple):
    """A part of a file beside the model: from `offset` on, `length` bytes."""

    file: Path
    offset: int
    length: int


def check_external(entries: Sequence[tuple[str, str]], name: str, folder: Path) -> External:
    """Where the weights `name` lie, by the keys and values of a tensor's external_data.

    Raises ValueError where they name no file of `folder`, one that is missing or not regular, or a part beyond its end.
    """
    values = dict(entries)
    location = values.get("location", "")
    what = f"the data of '{name}' should be in {_shown(location)}"
    plain = PurePosixPath(location.replace("\\", "/"))
    if (
        not location
        or "\0" in location
        or plain.is_absolute()
        or ".." in plain.parts
        or not plain.parts
        or PureWindowsPath(location).drive
    ):
        raise ValueError(f"{what}, expected the name of a file in the model's own folder")
    file = folder / location
    try:
        status = file.stat()
        inside = file.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        raise ValueError(f"{what}, which does not exist or cannot be read") from None
    if not inside:
        raise ValueError(f"{what}, a link that leads out of the model's own folder")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{what}, which is not a regular file")
    offset = _number(values, "offset", 0, what)
    length = _number(values, "length", status.st_size - offset, what)
    if length < 0 or offset + length > status.st_size:
        raise ValueError(f"{what}, from byte {offset} on, but that file has {status.st_size} bytes")
    return External(file, offset, length)


def _number(values: dict[str, str], key: str, default: int, what: str) -> int:
    text = values.get(key, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ValueError(f"{what}, with the {key} {_shown(text)}, expected a number of bytes")
    return int(text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
