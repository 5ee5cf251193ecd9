"""Writes a file whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from deploy.temporary import temporary_file

_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """The folder is made where it is missing; a link in the file's place is replaced, not followed.

    Raises OSError, as `writing` words it; what was there before is then untouched.
    """
    with writing(path, len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_file(path) as (handle, partial):
            _write(handle, content)
            partial.replace(path)


def _write(handle: int, content: bytes | memoryview) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.fsync(handle)  # else a cut of power may leave the new name with nothing in it


def write_together(files: Sequence[tuple[Path, bytes]]) -> None:
    """Write several files, all of them or, where one cannot be written, none. Raises OSError as `writing` words it."""
    with ExitStack() as stack:
        made = []
        for path, content in files:
            with writing(path, len(content)):
                path.parent.mkdir(parents=True, exist_ok=True)
                handle, partial = stack.enter_context(temporary_file(path))
                _write(handle, content)
                made.append((partial, path))
        for partial, path in made:
            partial.replace(path)


def write_new(path: Path, content: bytes) -> None:
    """Write a file into a folder that is made as a whole. What has its name is replaced, and never written through: it
    may be a link. Raises OSError as `writing` words it."""
    with writing(path, len(content)):
        with suppress(FileNotFoundError):
            path.unlink()
        with path.open("xb") as stream:
            stream.write(content)


def append(path: Path, content: bytes) -> None:
    """Write at the end of a file, made where it is missing: all of `content` or nothing. A link is not followed.
    Raises OSError as `writing` words it."""
    with writing(path, len(content)):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_LINK, 0o666)
        try:
            size = os.fstat(handle).st_size
            try:
                _write(handle, content)
            except BaseException:
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)


@contextmanager
def writing(path: Path, size: int) -> Iterator[None]:
    """While the `size` bytes of `path` are written: an OSError from inside names the file and, where there is no room
    for it, how many bytes are missing."""
    try:
        yield
    except OSError as fault:
        reason = fault.strerror or str(fault)
        if fault.errno in FULL:
            reason += _room(path, size)
        elif fault.filename:
            raise
        raise OSError(fault.errno, reason, str(path)) from None


def _room(path: Path, size: int) -> str:
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        free = size
    missing = f", {size - free} bytes are missing" if free < size else ""
    return f" ({size} bytes have to be written{missing})"
