"""YOLO label files: one text file an image, one object a line, `class cx cy w h` as fractions of the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compute_mAP.regular_file import MEGABYTE
from compute_mAP.text_file import read_lines
from deploy.errors import DataError

LONGEST = 64 * MEGABYTE
# Tools round their fractions, so that a box may reach over the edge by this much; it is clipped.
EDGE_TOLERANCE = 1e-3


def label_path(image: Path) -> Path:
    """Where the label file of an image lies: the last folder named `images` becomes `labels`, the suffix .txt.

    Without such a folder the label file lies beside the image.
    """
    parts = list(image.parts)
    for i in range(len(parts) - 2, -1, -1):
        if parts[i] == "images":
            parts[i] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def read_labels(image: Path, class_count: int) -> np.ndarray:
    """The objects of an image: float32 [n, 5], columns class, cx, cy, w, h, the last four in 0..1.

    A missing or empty label file means an image without objects; an object that is listed twice counts once.

    Raises DataError, naming file and line, for a line without exactly five finite numbers, for a class outside
    0..class_count-1, for a coordinate outside 0..1 (beyond a tolerance of 0.001) and for a box without area.
    """
    file = label_path(Path(image))
    if not file.exists():
        return np.zeros((0, 5), np.float32)
    objects: dict[tuple[float, ...], None] = {}
    for number, line in enumerate(read_lines(file, "label file", LONGEST), 1):
        if line.strip():
            objects[_object(line, class_count, f"{file}: line {number}")] = None
    return np.array(list(objects), np.float32).reshape(-1, 5)


def _object(line: str, class_count: int, where: str) -> tuple[float, ...]:
    fields = line.split()
    if len(fields) != 5:
        raise DataError(f"{where}: {len(fields)} fields; expected 5: class cx cy w h")
    try:
        numbers = [float(field) for field in fields]
    except ValueError:
        raise DataError(f"{where}: '{line.strip()}' holds something that is not a number") from None
    if not all(np.isfinite(numbers)):
        raise DataError(f"{where}: '{line.strip()}' holds a number that is not finite")
    label, *box = numbers
    if label != int(label) or not 0 <= label < class_count:
        raise DataError(f"{where}: class {fields[0]}; expected a whole number from 0 to {class_count - 1}")
    for name, value in zip(("cx", "cy", "w", "h"), box, strict=True):
        if not -EDGE_TOLERANCE <= value <= 1 + EDGE_TOLERANCE:
            raise DataError(f"{where}: {name} is {value:g}; expected a fraction of the image, 0 to 1")
    if min(box[2:]) <= 0:
        raise DataError(f"{where}: a box {box[2]:g} wide and {box[3]:g} high has no area")
    return (label, *(min(max(value, 0.0), 1.0) for value in box))
