"""A folder that is made as a whole: built under a temporary name beside its place, then renamed into it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.errors import ReportedError, UsageError
from deploy.results.ours import MARKER, Maker, mark, read_marker, sizes_in
from deploy.temporary import EARLIER, temporary_folder


@contextmanager
def built_whole(out: Path, maker: str, entries: Collection[str]) -> Iterator[Path]:
    """Give an empty folder to fill; put it in the place of `out` when the block ends without an error.

    `maker` names the command, `entries` the files and folders that it makes in `out`. An `out` that is absent, empty
    or an earlier result of the same command is replaced; when the block fails, it stays as it was. The marker in a
    finished folder lists its files with their sizes: what was added or changed since is somebody's work, and never
    replaced.

    Raises UsageError where `out` is a file or holds anything else, ReportedError where it cannot be written.
    """
    out = out.resolve()
    _check_replaceable(out, maker, entries)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise ReportedError(f"cannot write into {out.parent}: {fault.strerror}") from None
    try:
        with temporary_folder(out) as work:
            fresh = work / "fresh"
            fresh.mkdir()
            yield fresh
            unexpected = {entry.name for entry in fresh.iterdir()} - set(entries)
            assert not unexpected, f"{maker} made {unexpected}, which a later run would refuse to replace"
            mark(fresh, Maker(maker, f"result of {maker}"))
            # Looked at again: minutes may have passed since the first look.
            _check_replaceable(out, maker, entries)
            earlier = work / EARLIER
            try:
                if out.exists():
                    out.rename(earlier)
                fresh.rename(out)
            except BaseException:
                if earlier.exists() and not out.exists():
                    earlier.rename(out)
                raise
    except OSError as fault:
        raise ReportedError(f"cannot make {out}: {fault.strerror} ({fault.filename or out.parent})") from None


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
    made_by, listed = read_marker(out)
    if made_by != maker:
        what = f"was made by {made_by}" if made_by else f"holds other things ({found[0]}, ...)"
        raise UsageError(f"the output folder {out} {what}: name one that is new, empty or made by {maker}")
    foreign = [name for name in found if name not in entries and name != MARKER]
    if not foreign:
        foreign = sorted(name for name, size in sizes_in(out).items() if name != MARKER and listed.get(name) != size)
    if foreign:
        changed = f"{foreign[0]} was changed since" if foreign[0] in listed else f"holds {foreign[0]} too"
        raise UsageError(f"the output folder {out} was made by {maker}, but {changed}, which would be lost")
