"""What result folders hold, and how one takes the place of the one before it, which moves to NAME.prev."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from compute_mAP.errors import DataError, ModelError, UsageError
from compute_mAP.result_files import FAILED_IMAGES, class_file
from deploy.detections import Detection

LINES_AT_ONCE = 100_000


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
    """Write the names of the pictures that failed, one a line; no file where none did."""
    if failed:
        (folder / FAILED_IMAGES).write_text("".join(f"{name}\n" for name in failed), encoding="utf-8")


class TextResults:
    """The detections as the classic VOC scorers read them: a file for every class, `<name> <conf> <x0> <y0> <x1> <y1>`.

    Confidence in 0..1, corners in pixels of the original picture as the post-processor gives them, six decimals.
    `sizes` are the bytes that the files of an unfinished run keep; what lies behind them is cut off.
    Raises ModelError for a class name that no file can have.
    """

    def __init__(self, folder: Path, names: Sequence[str], sizes: Mapping[str, int] | None = None) -> None:
        try:
            self._files = {name: class_file(folder, name) for name in names}
        except DataError as fault:
            raise ModelError(f"{fault}; change the label file") from None
        self._lines: dict[str, list[str]] = {name: [] for name in names}
        self._held = 0
        for name, file in self._files.items():
            with file.open("ab") as stream:
                stream.truncate((sizes or {}).get(name, 0))

    def add(self, picture: str, objects: Iterable[Detection]) -> None:
        """Raises ModelError for an object of a class that is not among the names."""
        for found in objects:
            if found.name not in self._lines:
                raise ModelError(
                    f"the stream found an object of '{found.name}' (class id {found.class_id}), which is not among the "
                    f"{len(self._lines)} names of the label file"
                )
            numbers = " ".join(f"{value:f}" for value in found[2:])
            self._lines[found.name].append(f"{picture} {numbers}\n")
            self._held += 1
        if self._held >= LINES_AT_ONCE:
            self.flush()

    def flush(self) -> dict[str, int]:
        """Append what is held to the files; to be called at the end. Returns the size of each class's file."""
        sizes = {}
        for name, lines in self._lines.items():
            with self._files[name].open("a", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)
                sizes[name] = file.tell()
            lines.clear()
        self._held = 0
        return sizes


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
