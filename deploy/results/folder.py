"""What result folders hold, and how one takes the place of the one before it, which moves to NAME.prev."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from compute_mAP.result_files import FAILED_IMAGES
from deploy.errors import UsageError


@contextmanager
def result_folder(folder: Path) -> Iterator[Path]:
    """A new folder to write into, beside `folder`, whose place it takes when the block ends without an exception.

    An older `folder` moves to NAME.prev then, which replaces an older NAME.prev; until then both are untouched.
    Raises UsageError when the folder above cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as fault:
        raise UsageError(f"results cannot be written to {folder.parent}: {fault.strerror}") from None
    try:
        partial.chmod(0o755)  # mkdtemp makes it for its owner alone
        yield partial
        publish(partial, folder)
    finally:
        remove(partial)


def write_failed(folder: Path, failed: Sequence[str]) -> None:
    """Write the names of the images that failed, one a line; no file where none did."""
    if failed:
        (folder / FAILED_IMAGES).write_text("".join(f"{name}\n" for name in failed), encoding="utf-8")


def publish(partial: Path, folder: Path) -> None:
    """Put `partial` in the place of `folder`; what was there moves to NAME.prev, which replaces an older NAME.prev."""
    previous = folder.with_name(f"{folder.name}.prev")
    if folder.exists() or folder.is_symlink():
        remove(previous)
        folder.rename(previous)
    try:
        partial.rename(folder)
    except BaseException:
        if previous.exists() and not folder.exists():
            previous.rename(folder)
        raise


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            path.unlink()
