"""Reads files that others name: regular files only, and no more of one than its kind can need.

A pipe that nobody writes to would be waited for without end, and a device such as /dev/zero fill all memory.
"""

from __future__ import annotations

import os
from errno import EFBIG, EINVAL, EISDIR
from io import BufferedReader, FileIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from compute_mAP.errors import DataError

MEGABYTE = 1 << 20
# a pipe that nobody writes to is not waited for; Windows would else read texts
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class IrregularFile(OSError):
    """A folder, a pipe, a socket or a device where a file was expected, or a path that no file can have."""


def open_regular(path: Path | str) -> BufferedReader:
    """Open a regular file for reading; links are followed. Raises OSError, IrregularFile among them."""
    try:
        handle = os.open(path, _READ)
    except ValueError:
        raise IrregularFile(EINVAL, "the name holds a NUL byte") from None
    try:
        mode = os.fstat(handle).st_mode
        if S_ISDIR(mode):
            raise IrregularFile(EISDIR, os.strerror(EISDIR))
        if not S_ISREG(mode):
            raise IrregularFile(EINVAL, "it is not a regular file")
        return BufferedReader(FileIO(handle))
    except BaseException:
        os.close(handle)
        raise


def read_bounded(path: Path | str, most: int = 16 * MEGABYTE) -> bytes:
    """The content of a regular file of at most `most` bytes. Raises OSError, also where it is longer."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(EFBIG, f"it is longer than {_size(most)}, so it cannot be what it should be")
    return content


def read_regular(path: Path | str, what: str, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes; `what` says in the error what the file is for.

    Raises DataError for a file that is missing, not regular, not readable or larger.
    """
    shown = str(path) if str(path).isprintable() else repr(str(path))
    try:
        return read_bounded(path, most)
    except FileNotFoundError:
        raise DataError(f"{what} {shown} does not exist") from None
    except OSError as fault:
        raise DataError(f"{what} {shown} cannot be read: {fault.strerror}") from None


def _size(most: int) -> str:
    return f"{most // MEGABYTE} MiB" if most >= MEGABYTE else f"{most} bytes"
