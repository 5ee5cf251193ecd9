"""The journal of a search: a line of JSON for the search itself, then one for each candidate, in order of completion.

A line is on the disk before the next candidate begins, so a killed search has lost no more than what was in flight.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.errors import DataError, UsageError
from deploy.strict_json import strict_json
from deploy.whole_file import append, write_whole

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """One candidate.

    Attributes:
        number: counted from 0.
        seed: the search's seed; with the number it makes the candidate.
        widths: kept channels by group.
        share: its cost as a share of the full-width model's.
        cost: the same in the budget's unit: operations an image, values, or milliseconds.
        map50, map50_95: on the held-out images, 0..1; None where scoring failed.
        seconds: that the scoring took.
        fault: why it has no score, or "".
    """

    number: int
    seed: int
    widths: dict[str, int]
    share: float
    cost: float
    map50: float | None
    map50_95: float | None
    seconds: float
    fault: str = ""


class Journal:
    """FOLDER/journal.jsonl.

    `head` is what the candidates depend on; a journal is continued with the same alone. With `resume` an existing one
    is read, and a last line that was cut short is dropped. Raises DataError where it is no journal, UsageError where it
    was begun with something else.
    """

    def __init__(self, file: Path, head: dict[str, Any], resume: bool) -> None:
        self.file = file
        self.entries: list[Entry] = []
        self._head = {"schema_version": SCHEMA_VERSION, "kind": "search", **head}
        if resume:
            self._read()
        else:
            write_whole(file, _line(self._head))

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        append(self.file, _line(asdict(entry)))

    def best(self) -> Entry | None:
        """The candidate with the highest score; of equals, the higher mAP@0.5:0.95, then the cheaper, the earlier."""
        scored = [entry for entry in self.entries if entry.map50 is not None]
        return max(scored, key=rank, default=None)

    def _read(self) -> None:
        was, self.entries = read_journal(self.file)
        self._check_head(was)
        content = self.file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:  # killed while it was written
            write_whole(self.file, whole)

    def _check_head(self, was: dict[str, Any]) -> None:
        for key, value in self._head.items():
            if was.get(key) != value:
                raise UsageError(
                    f"{self.file}: '{key}' was {str(was.get(key))[:60]} when the search began and is now "
                    f"{str(value)[:60]}; go on with the same, or give the new search another --name"
                )


def read_journal(file: Path) -> tuple[dict[str, Any], list[Entry]]:
    """The head and the candidates of a journal; a last line that was cut short is left out, and nothing is changed.

    Raises DataError, with the line, where it is no journal.
    """
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
    except OSError as fault:
        raise DataError(f"{file}: cannot be read ({fault.strerror}), expected the journal of a search") from None
    rows = [_row(file, number, line) for number, line in enumerate(lines, 1)]
    if not rows or rows[0].get("kind") != "search":
        raise DataError(f"{file}: line 1: is not the head of a search's journal")
    entries: list[Entry] = []
    for number, row in enumerate(rows[1:], 2):
        entries.append(_entry(file, number, row, {entry.number for entry in entries}))
    return rows[0], entries


def _row(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = strict_json(line)
        if isinstance(row, dict):
            return row
    except ValueError:
        pass
    raise DataError(f"{file}: line {number}: is no JSON object; remove the line to score its candidate again")


def _entry(file: Path, number: int, row: dict[str, Any], known: set[int]) -> Entry:
    try:
        entry = Entry(**row)
        kinds = isinstance(entry.number, int) and isinstance(entry.widths, dict)
        scores = all(isinstance(v, (float, int, type(None))) for v in (entry.map50, entry.map50_95))
        if kinds and scores and entry.number not in known:
            return entry
    except TypeError:
        pass
    raise DataError(f"{file}: line {number}: is not a candidate of its own; remove the line to score it again")


def rank(entry: Entry) -> tuple[float, float, float, int]:
    """By what candidates are compared."""
    return entry.map50 or 0.0, entry.map50_95 or 0.0, -entry.share, -entry.number


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row).encode() + b"\n"
