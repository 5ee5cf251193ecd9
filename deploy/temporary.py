"""Files and folders under a temporary name beside the place that they are for.

The name is .NAME.ays-new, which nobody gives his own files, or .NAME.ays-new1 and so on where another process holds
that one. It is made anew and exclusively, a link that lies there is not followed, and what a killed process left under
it is cleared by the next one: the living hold a lock, which ends with the process. Where there are no such locks
(Windows), names are random and nothing is cleared.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".ays-new"
EARLIER = "earlier"
"""In a temporary folder: what was in the place of the new folder until a moment ago."""
_TRIES = 100


@contextmanager
def temporary_file(path: Path) -> Iterator[tuple[int, Path]]:
    """A new file beside `path`, open for writing: its descriptor and its path. It is gone afterwards unless it was
    renamed. Raises OSError."""
    with _temporary(path, False) as made:
        yield made


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A new empty folder beside `path`. It is gone afterwards, all in it too, unless it was renamed. Raises OSError."""
    with _temporary(path, True) as (_, place):
        yield place


def remove(path: Path) -> None:
    """Remove a file, a link (not what it points to) or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            path.unlink()


@contextmanager
def _temporary(path: Path, folder: bool) -> Iterator[tuple[int, Path]]:
    handle, place = _make(path, folder)
    try:
        yield handle, place
    finally:
        # Under that name there may by now be what another process made, after a rename of ours.
        if fcntl is None or _is_same(handle, place):
            if fcntl is None and handle >= 0:
                os.close(handle)  # Windows removes no open file
                handle = -1
            remove(place)
        if handle >= 0:
            os.close(handle)


def _make(path: Path, folder: bool) -> tuple[int, Path]:
    if fcntl is None:
        if folder:
            return -1, Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent))
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent)
        return handle, Path(name)
    for number in range(_TRIES):
        place = path.with_name(f".{path.name}{_SUFFIX}{number or ''}")
        while True:
            handle = _make_here(place, folder)
            if handle is not None:
                return handle, place
            if not _cleared(place, path):
                break
    raise FileExistsError(17, f"{_TRIES} temporary names beside it are taken", str(path))


def _make_here(place: Path, folder: bool) -> int | None:
    """A descriptor that holds the lock, None where something has that name."""
    try:
        if folder:
            place.mkdir(mode=0o755)
            handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        else:
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        return None
    # Before the lock is there, another process may take this for a leftover and clear it.
    if _lock(handle, where_none_are=True) and _is_same(handle, place):
        return handle
    os.close(handle)
    return None


def _cleared(place: Path, path: Path) -> bool:
    """Remove what has the name unless a living process holds it; whether the name may be tried again."""
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        if not place.is_symlink():
            return False
        place.unlink()
        return True
    try:
        if not _lock(handle, where_none_are=False):
            return False
        if _is_same(handle, place):
            earlier = place / EARLIER
            if earlier.is_dir() and not earlier.is_symlink() and not os.path.lexists(path):
                earlier.rename(path)  # killed between two renames
            remove(place)
            return not os.path.lexists(place)
        return True
    finally:
        os.close(handle)


def _lock(handle: int, where_none_are: bool) -> bool:
    """Whether the lock is ours; on a file system without locks what the caller says."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return where_none_are
    return True


def _is_same(handle: int, place: Path) -> bool:
    try:
        there = place.lstat()
    except OSError:
        return False
    mine = os.fstat(handle)
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
