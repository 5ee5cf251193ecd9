"""What the files of a result folder are called; the scorer and the driver share it. Standard library only."""

from __future__ import annotations

from pathlib import Path

from compute_mAP.errors import DataError

PREFIX, SUFFIX = "det_test_", ".txt"
FAILED_IMAGES = "failed_images.txt"
"""The images that failed, one name a line; there is no such file where none did."""


def class_file(folder: Path, name: str) -> Path:
    """Where the detections of a class lie. Raises DataError for a class name that no file in `folder` can have."""
    if set("/\\") & set(name) or not name.isprintable():
        raise DataError(f"the class name {name!r} holds a character that no file name can have")
    return folder / f"{PREFIX}{name}{SUFFIX}"
