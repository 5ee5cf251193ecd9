"""The images of an image set: where each lies, and its bytes."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG

from compute_mAP.image_file import image_file
from deploy.console import note
from deploy.errors import DataError
from deploy.run.as_jpeg import as_jpeg

SUFFIXES = (".jpg", ".jpeg", ".JPG", ".JPEG")
# a pipe that nobody writes to is not waited for; Windows would else read texts
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def check_image_dir(folder: Path) -> Path:
    """The folder as an absolute path. Raises DataError when it is not there."""
    if not folder.is_dir():
        raise DataError(f"the image folder {folder} {'is a file' if folder.exists() else 'does not exist'}")
    return folder.absolute()


def find_image(folder: Path, name: str) -> Path | None:
    """IMAGE_DIR/name.jpg, or with another suffix of an image, in any case; None where there is none of them."""
    return image_file(folder, name)


def read_image(folder: Path, name: str) -> bytes:
    """The encoded bytes of IMAGE_DIR/name.jpg; an image of another format (.png, .bmp, .webp ...) becomes a JPEG.

    `name` is a plain name, as compute_mAP.voc_devkit.read_image_set gives it; links are followed.
    Raises DataError where the file is missing, empty, not a regular file, not readable or no image.
    """
    for suffix in SUFFIXES:
        content = _checked(f"{folder}{os.sep}{name}{suffix}")
        if content is not None:
            return content
    other = image_file(folder, name)
    content = _checked(str(other)) if other is not None else None
    if other is not None and content is not None:
        _tell_of_conversion(folder, other.suffix.lower())
        return as_jpeg(other, content)
    hint = "; an image set has names without suffix" if (folder / name).is_file() else ""
    raise DataError(f"there is no {name}.jpg in {folder}{hint}")


@lru_cache(maxsize=64)
def _tell_of_conversion(folder: Path, suffix: str) -> None:
    """Once for a folder and a format."""
    if suffix not in (".jpg", ".jpeg"):
        note(f"{folder} has {suffix} images; each is encoded as JPEG on its way, for that is all that a board decodes")


def _checked(file: str) -> bytes | None:
    """The bytes of a file; None where it is missing. Raises DataError where it is empty, irregular or unreadable."""
    try:
        content = _content(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as fault:
        raise DataError(f"{file} cannot be read: {fault.strerror}") from None
    if content is None:
        raise DataError(f"{file} is not a regular file")
    if not content:
        raise DataError(f"{file} is empty")
    return content


def _content(file: str) -> bytes | None:
    """None where it is no regular file. Without pathlib, which takes longer than the reading, for every image."""
    handle = os.open(file, _READ)
    try:
        if not S_ISREG(os.fstat(handle).st_mode):
            return None
        with io.FileIO(handle, closefd=False) as stream:
            return stream.readall()
    finally:
        os.close(handle)


def check_some_succeeded(total: int, failed: Sequence[str]) -> None:
    """Raises DataError when every image of a run failed: then there is no result worth keeping."""
    if len(failed) == total:
        raise DataError(f"all {total} images failed; the results of an earlier run are left as they are")
