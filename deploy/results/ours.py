"""Which output folders may be moved aside or replaced: those that this program made, and no others.

A marker in a finished folder says who made it and lists its files with their sizes. What is not listed, and what has
changed since, is somebody's own, and a folder with such things is never deleted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from compute_mAP.regular_file import MEGABYTE, read_bounded
from deploy.errors import UsageError
from deploy.whole_file import write_new

MARKER = ".made_by"
STATE = ".unfinished"
"""How far an unfinished run is; in a finished folder only where a kill came at the very last moment. No result has that
name: images may be called anything, but their suffix is added."""


_LONGEST = 256 * MEGABYTE
"""Of a marker: some millions of files."""


def _none(folder: Path) -> bool:
    return False


def _nothing(folder: Path) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Maker:
    """A command that makes folders.

    `name` is what the marker says, `result` what a sentence calls such a folder. `files` are patterns of the paths in
    it that no marker has to list, since nobody else's file is called so ("/" between parts, "*" for any of them).
    `made_before` recognises a folder that was made before there were markers. A maker whose results have a description
    that says as much as a marker does not mark them (`marks`); `edited` then yields the files of it that somebody has
    changed. `option` is what the folder is named by on the command line.
    """

    name: str
    result: str
    files: tuple[str, ...] = ()
    made_before: Callable[[Path], bool] = _none
    marks: bool = True
    option: str = "--out "
    edited: Callable[[Path], Iterable[str]] = _nothing


def mark(folder: Path, maker: Maker, names: Collection[str] | None = None) -> None:
    """Say in a folder who made it, and list what is in it by now, of a folder that others can write to only `names`.
    A link in the marker's place is replaced."""
    if maker.marks:
        sizes = {name: size for name, size in sizes_in(folder).items() if names is None or name in names}
        listed = (json.dumps(entry) for entry in sorted(sizes.items()) if entry[0] not in (MARKER, STATE))
        write_new(folder / MARKER, "".join(f"{line}\n" for line in (maker.name, *listed)).encode("utf-8"))


def read_marker(folder: Path) -> tuple[str, dict[str, int]]:
    """Who made a folder, "" where no marker says so, and the sizes in bytes of the files that were in it then."""
    marker = folder / MARKER
    if marker.is_symlink() or not marker.is_file():
        return "", {}
    try:
        made_by, *lines = read_bounded(marker, _LONGEST).decode("utf-8", "replace").splitlines() or [""]
        return made_by.strip(), dict(json.loads(line) for line in lines)
    except (OSError, ValueError, TypeError, RecursionError):
        return "", {}


def sizes_in(folder: Path) -> dict[str, int]:
    """The size in bytes of every file in a folder and the folders below, links not followed, by its path from there."""
    found = {}
    for above, folders, names in os.walk(folder):
        for name in (*names, *(name for name in folders if Path(above, name).is_symlink())):
            path = Path(above, name)
            found[path.relative_to(folder).as_posix()] = path.lstat().st_size
    return found


def check_replaceable(folder: Path, maker: Maker) -> None:
    """Raises UsageError unless `folder` is absent, empty, or made by `maker`."""
    _check_place(folder)
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise UsageError(
            f"{maker.option}{folder}: exists and is no folder; expected a new folder or a {maker.result} to replace"
        )
    if any(folder.iterdir()) and not _is_made_by(folder, maker):
        out, what = f"{maker.option}{folder}", maker.result
        raise UsageError(f"{out}: exists and is no {what}; expected a new folder or a {what} to replace")


def check_deletable(folder: Path, maker: Maker) -> None:
    """Raises UsageError unless `folder` is absent, empty, or made by `maker` with nothing else in it."""
    check_replaceable(folder, maker)
    if folder.is_symlink() or not folder.is_dir():
        return
    for what, found in (("is nothing that {} made", _foreign(folder, maker)), ("was changed", edited(folder, maker))):
        if found:
            raise UsageError(
                f"{folder}: is to be replaced, but holds {found[0]}, which would be lost and "
                f"{what.format(maker.name)}; move it elsewhere"
            )


def check_apart(folder: Path, inputs: Iterable[Path], also_inside: bool = False) -> None:
    """Raises UsageError where an input is the output folder or lies in it; with `also_inside`, for inputs that are read
    with all folders in them, where the output lies in an input as well."""
    out = _real(folder)
    for path in inputs:
        found = _real(path)
        if found == out or out in found.parents or (also_inside and found in out.parents):
            raise UsageError(f"{folder}: overlaps the input {path}; expected an output folder apart from what is read")


def _check_place(folder: Path) -> None:
    if folder.name in ("", ".", ".."):
        raise UsageError(f"{folder}: expected the name of a folder to write, such as results")
    here = _real(Path.cwd())
    if os.path.lexists(folder) and _real(folder) in (here, *here.parents):
        raise UsageError(f"{folder}: is the current folder or one above it; expected another one to write")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_made_by(folder: Path, maker: Maker) -> bool:
    marker = folder / MARKER
    if marker.is_file() and not marker.is_symlink():
        return read_marker(folder)[0] == maker.name
    return maker.made_before(folder)


def _foreign(folder: Path, maker: Maker) -> list[str]:
    listed = read_marker(folder)[1]
    return sorted(
        path
        for path in sizes_in(folder)
        if path not in listed
        and path not in (MARKER, STATE)
        and not any(fnmatchcase(path, pattern) for pattern in maker.files)
    )


def edited(folder: Path, maker: Maker) -> list[str]:
    """The files that somebody has changed since the maker wrote them."""
    there = sizes_in(folder)
    changed = (path for path, size in read_marker(folder)[1].items() if there.get(path, size) != size)
    return sorted((*changed, *maker.edited(folder)))
