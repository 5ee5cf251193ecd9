"""One writer a folder: a lock beside it, which ends with the process at the latest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from deploy.errors import UsageError


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Hold .NAME.ays-lock beside `folder`, a name that nobody gives his own files.

    Raises UsageError where another `what`, such as "training", has it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.with_name(f".{folder.name}.ays-lock")
    if file.is_symlink():
        file.unlink()
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(f"{folder}: another {what} is writing to it; give this one another --name") from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows does not remove an open file
            file.unlink()
        lock.release()
