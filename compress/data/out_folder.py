"""A folder that is made as a whole: built under a temporary name beside its place, then renamed into it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.errors import ReportedError, UsageError

# Says in a finished folder which of our commands made it, so that the command may replace it later.
MARKER = ".made_by"


@contextmanager
def built_whole(out: Path, maker: str, entries: Collection[str]) -> Iterator[Path]:
    """Give an empty folder to fill; put it in the place of `out` when the block ends without an error.

    `maker` names the command, `entries` the files and folders that it makes in `out`. An `out` that is absent, empty
    or an earlier result of the same command is replaced; when the block fails, it stays as it was.

    Raises UsageError where `out` is a file or holds anything else, ReportedError where it cannot be written.
    """
    out = out.resolve()
    _check_replaceable(out, maker, entries)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as fault:
        raise ReportedError(f"cannot write into {out.parent}: {fault.strerror}") from None
    try:
        fresh = work / "fresh"
        fresh.mkdir()
        yield fresh
        unexpected = {entry.name for entry in fresh.iterdir()} - set(entries)
        assert not unexpected, f"{maker} made {unexpected}, which a later run would refuse to replace"
        (fresh / MARKER).write_text(maker + "\n", encoding="utf-8")
        # Looked at again: minutes may have passed since the first look.
        _check_replaceable(out, maker, entries)
        earlier = work / "earlier"
        try:
            if out.exists():
                out.rename(earlier)
            fresh.rename(out)
        except BaseException:
            if earlier.exists() and not out.exists():
                earlier.rename(out)
            raise
    except OSError as fault:
        raise ReportedError(f"cannot make {out}: {fault.strerror} ({fault.filename or work})") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name (a hard link) where the file system can, otherwise copy it.

    A symbolic link is followed first: a hard link to it would break with the link's target.
    """
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _check_replaceable(out: Path, maker: str, entries: Collection[str]) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"the output folder {out} is a file")
    found = sorted(entry.name for entry in out.iterdir())
    if not found:
        return
    marker = out / MARKER
    made_by = marker.read_text(encoding="utf-8", errors="replace").strip() if marker.is_file() else ""
    if made_by != maker:
        what = f"was made by {made_by}" if made_by else f"holds other things ({found[0]}, ...)"
        raise UsageError(f"the output folder {out} {what}: name one that is new, empty or made by {maker}")
    foreign = [name for name in found if name not in entries and name != MARKER]
    if foreign:
        raise UsageError(
            f"the output folder {out} was made by {maker}, but holds {foreign[0]} too, which would be lost"
        )
