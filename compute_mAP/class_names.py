"""What class names must be, and the names file: one class name a line, in the order of the class numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compute_mAP.errors import DataError
from compute_mAP.regular_file import MEGABYTE
from compute_mAP.result_files import class_file
from compute_mAP.text_file import read_lines

_LINE_ENDS = frozenset("\n\r\0")


def name_fault(names: Sequence[str]) -> tuple[int, str] | None:
    """The one rule for class names: none is blank or more than a line, no two are alike, each can name a result file.

    Returns the number of the first class, from 0, that breaks it, and what its name is, for a sentence that begins
    with "the name of class 1"; None where all names are right.
    """
    seen: dict[str, int] = {}
    for number, name in enumerate(names):
        if not name.strip():
            return number, "is blank"
        if set(name) & _LINE_ENDS:
            return number, f"is {name[:120]!r}, which is more than one line"
        try:
            class_file(Path(), name)
        except DataError as fault:
            return number, f"is {name[:40]!r}: {fault}"
        if name in seen:
            return number, f"is '{name}', which class {seen[name]} has already"
        seen[name] = number
    return None


def read_names(path: Path | str) -> list[str]:
    """The class names of a file. White space at line ends and blank lines at the end of the file do not count.

    Comment lines (`#`) at the top are skipped, as the SDK's label reader does: its COCO sample opens with one.

    Raises DataError for a file that is missing, not UTF-8 or without a name, for a blank line between names (it
    would shift the numbers of the classes after it), for a name that comes twice and for one too long for the name of
    its result file.
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
