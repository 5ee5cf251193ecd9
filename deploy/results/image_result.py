"""image_result: whether the files of an image are there and whole."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from deploy.errors import ReportedError

_JPEG_BEGIN, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_HOLE = bytes(512)
"""What a cut of power leaves where a file was not yet on the disk; a JPEG's compressed data have no such run."""


def has_listed_boxes(folder: Path) -> bool:
    """Whether a folder without a marker has a list of boxes as `write_image` writes it; images may be anybody's."""
    return any(_is_list(file) for file in folder.glob("*.json"))


def is_whole(folder: Path, name: str, listed: bool) -> bool:
    """Whether `write_image` left NAME.jpg, NAME.json or both there, complete; `listed` as it takes it."""
    image, boxes = folder / f"{name}.jpg", folder / f"{name}.json"
    drawn, list_there = image.is_file(), boxes.is_file()
    if (not drawn and not list_there) or (listed and not list_there):
        return False
    return (not drawn or _is_jpeg(image)) and (not list_there or _is_list(boxes))


def check_complete(folder: Path, names: Sequence[str], failed: Collection[str]) -> None:
    """Raises ReportedError where an image that did not fail has no file."""
    there = {file.stem for file in folder.iterdir()}
    missing = [name for name in names if name not in there and name not in failed]
    if missing:
        raise ReportedError(
            f"{folder}: {len(missing)} of {len(names)} images have no result, the first of them {missing[0]}; "
            "repeat it with --resume"
        )


def _is_jpeg(file: Path) -> bool:
    content = file.read_bytes()
    return content.startswith(_JPEG_BEGIN) and content.endswith(_JPEG_END) and _HOLE not in content


def _is_list(file: Path) -> bool:
    try:
        content = json.loads(file.read_bytes())
        return type(content["schema_version"]) is int and type(content["objects"]) is list
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False
