"""The detections of one class, and the text files that hold them.

A class has a file det_test_<class>.txt, a detection a line in it: `<name> <conf> <x0> <y0> <x1> <y1>`, the form that
the original application's C++ program writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from compute_mAP.errors import DataError
from compute_mAP.result_files import PREFIX, SUFFIX, class_file, class_of
from compute_mAP.text_file import read_lines
from compute_mAP.wording import nearest, shortened


class Detections(NamedTuple):
    """The detections of one class over all images, in any order.

    `images[i]` is an image name, `confidence` float [n], `boxes` float [n, 4] in pixels of the original image.
    """

    images: Sequence[str]
    confidence: np.ndarray
    boxes: np.ndarray


def classes_in(folder: Path) -> list[str]:
    """The classes that have a file in the folder, in alphabetical order. Raises DataError when there is no folder."""
    if not folder.is_dir():
        raise DataError(f"the folder of detections {folder} {'is a file' if folder.exists() else 'does not exist'}")
    files = [entry.name for entry in folder.glob(f"{PREFIX}*{SUFFIX}")]
    return sorted(class_of(name) for name in files)


def read_all_detections(folder: Path | str, names: Sequence[str]) -> tuple[dict[str, Detections], list[str]]:
    """The detections of the named classes, and notes about files that are missing or belong to no named class.

    A class without a file has no detections: the original application writes none where nothing was found.

    Raises DataError when there is no folder or a file of a named class is malformed.
    """
    place = Path(folder)
    there = classes_in(place)
    found = {name: read_detections(class_file(place, name)) for name in names if class_file(place, name).is_file()}
    notes = []
    if missing := [name for name in names if name not in found]:
        notes.append(f"{place} has no file {PREFIX}*{SUFFIX} for {shortened(missing)}: counted as no detections")
    for name in there:
        if name not in names:
            notes.append(f"{class_file(place, name)} belongs to none of the classes{nearest(name, names)}: not counted")
    return found, notes


def read_detections(path: Path | str) -> Detections:
    """Read the file of one class; an image name may hold blanks.

    Raises DataError, naming file and line, for a line without a name and five finite numbers.
    """
    file = Path(path)
    images: list[str] = []
    numbers: list[list[float]] = []
    lines: list[int] = []
    for line, text in enumerate(read_lines(file, "detections"), 1):
        fields = text.rsplit(None, 5)
        if not fields:
            continue
        try:
            # Stripped, because a split from the right leaves the blanks before the name.
            name, values = fields[0].strip(), [float(field) for field in fields[1:]]
        except ValueError:
            values = []
        if len(values) != 5:
            raise _malformed(file, line, text)
        images.append(name)
        numbers.append(values)
        lines.append(line)
    table = np.array(numbers, np.float64).reshape(-1, 5)
    finite = np.isfinite(table).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise _malformed(file, lines[row], " ".join([images[row], *map(str, numbers[row])]))
    return Detections(images, table[:, 0], table[:, 1:])


def _malformed(file: Path, line: int, text: str) -> DataError:
    return DataError(
        f"{file}: line {line}: found {text.strip()[:80]!r}; expected an image name and five finite numbers: "
        "confidence x0 y0 x1 y1"
    )
