"""The pictures of an image set: where each lies, and its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from stat import S_ISREG

from compute_mAP.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".JPG", ".JPEG")


def check_image_dir(folder: Path) -> Path:
    """The folder as an absolute path. Raises DataError when it is not there."""
    if not folder.is_dir():
        raise DataError(f"the picture folder {folder} {'is a file' if folder.exists() else 'does not exist'}")
    return folder.absolute()


def find_picture(folder: Path, name: str) -> Path | None:
    """IMAGE_DIR/name.jpg (or .jpeg, .JPG, .JPEG), None where there is none of them."""
    return next((path for path in _candidates(folder, name) if path.exists()), None)


def read_picture(folder: Path, name: str) -> bytes:
    """The encoded bytes of IMAGE_DIR/name.jpg (or .jpeg, .JPG, .JPEG).

    `name` is a plain name, as compute_mAP.voc_devkit.read_image_set gives it; links are followed.
    Raises DataError where the file is missing, empty, not a regular file or not readable.
    """
    for file in _candidates(folder, name):
        try:
            if not S_ISREG(file.stat().st_mode):
                raise DataError(f"{file} is not a regular file")
            with file.open("rb", buffering=0) as opened:
                content = opened.readall()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as fault:
            raise DataError(f"{file} cannot be read: {fault.strerror}") from None
        if not content:
            raise DataError(f"{file} is empty")
        return content
    hint = "; an image set has names without suffix" if (folder / name).is_file() else ""
    raise DataError(f"there is no {name}.jpg in {folder}{hint}")


def _candidates(folder: Path, name: str) -> Iterator[Path]:
    return (folder / (name + suffix) for suffix in SUFFIXES)


def check_some_succeeded(total: int, failed: Sequence[str]) -> None:
    """Raises DataError when every picture of a run failed: then there is no result worth keeping."""
    if len(failed) == total:
        raise DataError(f"all {total} pictures failed; the results of an earlier run are left as they are")
