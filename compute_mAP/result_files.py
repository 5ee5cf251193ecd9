"""What the files of a result folder are called; the scorer and the driver share it. Standard library only."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from compute_mAP.errors import DataError

PREFIX, SUFFIX = "det_test_", ".txt"
# a slash, a backslash, control characters and other line ends; and a percent sign that could be read as one of ours
_SPECIAL = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\u2028\u2029]|%(?=[0-9A-Fa-f]{2})")
_LONGEST = 255
FAILED_IMAGES = "failed_images.txt"
"""The images that failed, one name a line; there is no such file where none did."""


def class_file(folder: Path, name: str) -> Path:
    """Where the detections of a class lie.

    What no file name can have, such as the slash of "Bowl/Basin", is written as in URLs, "Bowl%2FBasin". Raises
    DataError for a class name that is too long even so, or that is no text (half a surrogate pair).
    """
    try:
        file = PREFIX + _SPECIAL.sub(_escaped, name) + SUFFIX
        length = len(file.encode("utf-8"))
    except UnicodeEncodeError:
        raise DataError(f"{name!r} is no text that UTF-8 can write, so it names no file") from None
    if length > _LONGEST:
        raise DataError(f"the name makes a file name of {length} bytes, expected {_LONGEST} at most")
    return folder / file


def class_of(file: str) -> str:
    """The class whose detections a file of that name holds: the other way round."""
    return unquote(file[len(PREFIX) : -len(SUFFIX)], errors="surrogateescape")


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode("utf-8"))
