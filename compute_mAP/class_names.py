"""What class names must be, and the names file: one class name a line, in the order of the class numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compute_mAP.errors import DataError
from compute_mAP.regular_file import MEGABYTE
from compute_mAP.text_file import read_lines


def name_fault(names: Sequence[str]) -> tuple[int, str] | None:
    """The one rule for class names: none is blank, and no two are alike.

    Returns the number of the first class, from 0, that breaks it, and what its name is, for a sentence that begins
    with "the name of class 1"; None where all names are right.
    """
    for number, name in enumerate(names):
        if not name.strip():
            return number, "is blank"
        if name in names[:number]:
            return number, f"is '{name}', which class {names.index(name)} has already"
    return None


def read_names(path: Path | str) -> list[str]:
    """The class names of a file. White space at line ends and blank lines at the end of the file do not count.

    Comment lines (`#`) at the top are skipped, as the SDK's label reader does: its COCO sample opens with one.

    Raises DataError for a file that is missing, not UTF-8 or without a name, for a blank line between names (it
    would shift the numbers of the classes after it) and for a name that comes twice.
    """
    file = Path(path)
    lines = [line.rstrip() for line in read_lines(file, "names file", MEGABYTE)]
    while lines and not lines[-1]:
        lines.pop()
    comments = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    names = lines[comments:]
    if fault := name_fault(names):
        number, what = fault
        raise DataError(
            f"{file}: line {comments + number + 1}: the name of class {number} {what}; expected one class name a line, "
            "each once"
        )
    if not names:
        raise DataError(f"names file {file} is empty; expected one class name a line")
    return names
