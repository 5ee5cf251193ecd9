"""The names file: one class name a line, in the order of the class numbers."""

from __future__ import annotations

from pathlib import Path

from compute_mAP.errors import DataError
from compute_mAP.regular_file import MEGABYTE
from compute_mAP.text_file import read_lines


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
    names: list[str] = []
    for number, line in enumerate(lines, 1):
        if not names and line.startswith("#"):
            continue
        if not line:
            raise DataError(f"{file}: line {number} is blank; expected one class name a line")
        if line in names:
            raise DataError(f"{file}: line {number}: the class '{line}' is there already; expected each name once")
        names.append(line)
    if not names:
        raise DataError(f"names file {file} is empty; expected one class name a line")
    return names
