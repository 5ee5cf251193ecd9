"""Which output folders may be moved aside or replaced: those that this program made, and no others.

A marker in a finished folder says who made it. What its maker does not write is somebody's own, and a folder with such
things is never deleted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from deploy.errors import UsageError

MARKER = ".made_by"
STATE = "unfinished.json"
"""How far an unfinished run is; in a finished folder only where a kill came at the very last moment."""


def _none(folder: Path) -> bool:
    return False


@dataclass(frozen=True)
class Maker:
    """A command that makes folders.

    `name` is what the marker says, `result` what a sentence calls such a folder, `files` are patterns of the paths in
    it ("/" between parts, "*" for any of them). `made_before` recognises one that was made before there were markers.
    A maker whose results have a description that says as much as a marker does not mark them (`marks`).
    `option` is what the folder is named by on the command line.
    """

    name: str
    result: str
    files: tuple[str, ...]
    made_before: Callable[[Path], bool] = _none
    marks: bool = True
    option: str = "--out "


def mark(folder: Path, maker: Maker) -> None:
    """Say in a folder who made it. A link in the marker's place is replaced."""
    marker = folder / MARKER
    if not maker.marks:
        return
    if os.path.lexists(marker):
        marker.unlink()
    with marker.open("x", encoding="utf-8") as stream:
        stream.write(maker.name + "\n")


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
    foreign = next(iter(sorted(_foreign(folder, maker))), None)
    if foreign is not None:
        raise UsageError(
            f"{folder}: is to be replaced, but holds {foreign}, which would be lost and is nothing that "
            f"{maker.name} makes; move it elsewhere"
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
    if marker.is_file():
        with marker.open("rb") as stream:
            return stream.read(200).decode("utf-8", "replace").strip() == maker.name
    return maker.made_before(folder)


def _foreign(folder: Path, maker: Maker) -> Iterable[str]:
    for above, _, names in os.walk(folder):
        for name in names:
            path = Path(above, name).relative_to(folder).as_posix()
            if path not in (MARKER, STATE) and not any(fnmatchcase(path, pattern) for pattern in maker.files):
                yield path
