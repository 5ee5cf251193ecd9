"""Measurements of a board for the cost model: one number, or a profile of msprof."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from io import StringIO
from math import inf, isfinite
from pathlib import Path

from compress.cost.chips import Chip
from compress.cost.estimate import Calibration, is_compute, layer_range
from compress.cost.work import Work
from compute_mAP.regular_file import MEGABYTE, read_regular
from compute_mAP.text_file import read_text
from deploy.errors import DataError
from deploy.strict_json import strict_json
from deploy.whole_file import write_whole

SCHEMA_VERSION = 1
_LONGEST = 256 * MEGABYTE  # of a table; a profile of many inferences has a line for each operator of each
# OP Type in op_summary: what runs on the Cube unit (CANN profiling guide, op_summary).
_COMPUTE = re.compile(r"conv|matmul|gemm", re.IGNORECASE)
_NAME, _TYPE = ("op name",), ("op type",)
_DURATION = ("task duration(us)", "task duration", "duration(us)")
_ITERATION = ("infer id", "iteration id", "iter id")


def calibrate(value: str, works: Sequence[Work], chip: Chip) -> Calibration:
    """What a measurement says: "4.9" or "4.9ms" for these works on this chip, an op_summary .csv of them, or a .json
    that `save_calibration` wrote, perhaps for another model.

    Raises DataError for a file that is none of these, and for a calibration of another chip.
    """
    if match := re.fullmatch(r"([0-9]*\.?[0-9]+)\s*(ms)?", value.strip()):
        return _whole(float(match[1]), works, chip, f"measured {float(match[1]):g} ms")
    path = Path(value)
    if path.suffix == ".json":
        written = read_calibration(path)
        if written.chip != chip.name:
            raise DataError(f"{path}: is a calibration of {written.chip}, the estimate is for {chip.name}")
        return written
    compute, other = _read_op_summary(path)
    middle = {kind: _middle([w for w in works if is_compute(w) == kind], chip) for kind in (True, False)}
    found = {True: compute, False: other}
    factors = {kind: found[kind] / middle[kind] if middle[kind] and found[kind] else 1.0 for kind in found}
    return Calibration(chip.name, factors[True], factors[False], f"profile {path.name}")


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write a .json for the models to come, whole or not at all."""
    content = {"schema_version": SCHEMA_VERSION, "kind": "calibration", **calibration.__dict__}
    write_whole(path, f"{json.dumps(content, indent=1)}\n".encode())


def _whole(milliseconds: float, works: Sequence[Work], chip: Chip, source: str) -> Calibration:
    if not 0 < milliseconds < inf:
        raise DataError(f"--calibrate is {milliseconds:g} ms, expected the measured latency, more than 0")
    factor = milliseconds / _middle(works, chip)
    return Calibration(chip.name, factor, factor, source)


def _middle(works: Sequence[Work], chip: Chip) -> float:
    """The geometric middle of the uncalibrated range, milliseconds."""
    return sum((r.low * r.high) ** 0.5 for r in (layer_range(work, chip) for work in works))


def read_calibration(path: Path) -> Calibration:
    """A .json that `save_calibration` wrote, for whichever chip. Raises DataError for anything else."""
    try:
        content = strict_json(read_regular(path, "calibration", MEGABYTE))
        if content["kind"] != "calibration" or content["schema_version"] != SCHEMA_VERSION:
            raise ValueError("another kind of file")
        found = Calibration(
            str(content["chip"]), float(content["compute"]), float(content["other"]), str(content["source"])
        )
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{path}: not a calibration ({type(error).__name__}: {error})") from None
    if not (0 < found.compute < inf and 0 < found.other < inf):
        raise DataError(f"{path}: its factors are {found.compute:g} and {found.other:g}, expected numbers above 0")
    return found


def _read_op_summary(path: Path) -> tuple[float, float]:
    """Milliseconds of one inference in operators of the Cube unit and in all others."""
    try:
        rows = list(csv.reader(StringIO(read_text(path, "op_summary", _LONGEST), newline="")))
    except csv.Error as error:
        raise DataError(f"{path}: not an op_summary table ({error})") from None
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    name, kind, duration = (_column(path, head, names) for names in (_NAME, _TYPE, _DURATION))
    iteration = next((head.index(entry) for entry in _ITERATION if entry in head), None)
    sums = [0.0, 0.0]
    iterations: set[str] = set()
    seen: dict[str, int] = {}
    for line, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            microseconds = float(row[duration])
            operator, title = row[kind], row[name]
        except (IndexError, ValueError):
            raise DataError(f"{path}: line {line}: no duration in microseconds in column {duration + 1}") from None
        if not (isfinite(microseconds) and microseconds >= 0):
            raise DataError(f"{path}: line {line}: a duration of {row[duration][:40]}, expected 0 or more microseconds")
        sums[0 if _COMPUTE.search(operator) else 1] += microseconds / 1000
        seen[title] = seen.get(title, 0) + 1
        if iteration is not None and iteration < len(row):
            iterations.add(row[iteration])
    if not seen:
        raise DataError(f"{path}: holds no operator, expected a line for each")
    # without a column that counts inferences, how often the same operator comes tells
    if not sum(sums):
        raise DataError(f"{path}: all durations are 0, expected what was measured")
    runs = len(iterations) or sorted(seen.values())[len(seen) // 2]
    return sums[0] / runs, sums[1] / runs


def _column(path: Path, head: Sequence[str], names: Sequence[str]) -> int:
    for entry in names:
        if entry in head:
            return head.index(entry)
    raise DataError(f"{path}: line 1: has no column '{names[0]}', expected an op_summary table of msprof")
