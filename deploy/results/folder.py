"""What result folders hold, and how one takes the place of the one before it, which moves to NAME.prev."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from compute_mAP.result_files import FAILED_IMAGES
from deploy.console import note
from deploy.errors import UsageError
from deploy.results.ours import Maker, check_deletable, check_replaceable, mark
from deploy.temporary import remove, temporary_folder
from deploy.whole_file import write_new


@contextmanager
def result_folder(folder: Path, maker: Maker) -> Iterator[Path]:
    """A new folder to write into, beside `folder`, whose place it takes when the block ends without an exception.

    An older `folder` moves to NAME.prev then, which replaces an older NAME.prev; until then both are untouched.
    Raises UsageError when the folder above cannot be made, and where one of the two is not the maker's.
    """
    check_room(folder, maker)
    with ExitStack() as stack:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            partial = stack.enter_context(temporary_folder(folder))
        except OSError as fault:
            raise UsageError(f"results cannot be written to {folder.parent}: {fault.strerror}") from None
        yield partial
        try:
            publish(partial, folder, maker)
        except BaseException:
            _keep(partial, folder)
            raise


def check_room(folder: Path, maker: Maker) -> None:
    """Raises UsageError where a result cannot take the place of `folder` because something of somebody else's is
    there or in NAME.prev. To be called before long work begins, too."""
    check_replaceable(folder, maker)
    check_deletable(previous_of(folder), maker)


def previous_of(folder: Path) -> Path:
    """Where `folder` moves when another one takes its place."""
    return folder.with_name(f"{folder.name}.prev")


def make_room(folder: Path, maker: Maker, has_nothing: Callable[[Path], bool]) -> None:
    """Make a new folder to work in at once. An older one moves to NAME.prev, but for one that `has_nothing`: that is
    removed, for NAME.prev is worth more. Raises UsageError where one of the two is not the maker's."""
    check_room(folder, maker)
    if folder.is_dir() and not folder.is_symlink() and has_nothing(folder):
        check_deletable(folder, maker)
        remove(folder)
    elif os.path.lexists(folder):
        remove(previous_of(folder))
        folder.rename(previous_of(folder))
    folder.mkdir(parents=True)


def _keep(partial: Path, folder: Path) -> None:
    """Give a finished result that cannot have its place another name: it may have taken hours."""
    number = 1
    while os.path.lexists(kept := folder.with_name(f"{folder.name}.{number}")):
        number += 1
    with suppress(OSError):
        partial.rename(kept)
        note(f"the result is kept in {kept}")


def write_failed(folder: Path, failed: Sequence[str]) -> None:
    """Write the names of the images that failed, one a line; no file where none did."""
    if failed:
        write_new(folder / FAILED_IMAGES, "".join(f"{name}\n" for name in failed).encode("utf-8", "surrogateescape"))


def publish(partial: Path, folder: Path, maker: Maker) -> None:
    """Put `partial`, with a marker in it, in the place of `folder`.

    What was there moves to NAME.prev, which replaces an older NAME.prev; an empty folder is not worth that. Raises
    UsageError where something of somebody else's is in the way by now.
    """
    mark(partial, maker)
    check_room(folder, maker)
    previous = previous_of(folder)
    moved = False
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()
    elif folder.exists() or folder.is_symlink():
        remove(previous)
        folder.rename(previous)
        moved = True
    try:
        partial.rename(folder)
    except BaseException:
        if moved and not folder.exists():
            previous.rename(folder)
        raise
