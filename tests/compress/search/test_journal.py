"""The journal: what a killed search goes on from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from compress.search.journal import Entry, Journal
from deploy.errors import DataError, ReportedError, UsageError

HEAD = {"weights": "abc", "seed": 3}
ENTRY = Entry(0, 3, {"a": 8}, 0.5, 5e8, 0.25, 0.125, 1.5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "s" / "journal.jsonl", HEAD, False)
    for number, score in enumerate((0.25, 0.5, None)):
        journal.add(replace(ENTRY, number=number, map50=score))
    return journal.file


def test_it_is_read_again(file: Path) -> None:
    again = Journal(file, HEAD, True)
    assert [entry.map50 for entry in again.entries] == [0.25, 0.5, None]
    best = again.best()
    assert best and best.number == 1
    assert json.loads(file.read_text().splitlines()[0])["kind"] == "search"


@pytest.mark.parametrize("cut", [1, 20, -1])
def test_a_line_that_was_cut_short_is_dropped(file: Path, cut: int) -> None:
    whole = file.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    file.write_bytes(whole[: -len(last)] + last[:cut])
    journal = Journal(file, HEAD, True)
    assert [entry.number for entry in journal.entries] == [0, 1]
    journal.add(replace(ENTRY, number=2))
    assert len(Journal(file, HEAD, True).entries) == 3


@pytest.mark.parametrize(
    ("line", "text", "error", "sentence"),
    [
        pytest.param(0, '{"kind": "plan"}', DataError, "line 1: is not the head", id="another file"),
        pytest.param(0, "", DataError, "line 1: is no JSON object", id="no head"),
        pytest.param(2, "{", DataError, "line 3: is no JSON object", id="damaged in the middle"),
        pytest.param(2, '{"number": 5}', DataError, "line 3: is not a candidate", id="keys are missing"),
        pytest.param(2, "twice", DataError, "line 3: is not a candidate of its own", id="a number twice"),
        pytest.param(
            0,
            '{"schema_version": 1, "kind": "search", "weights": "abd", "seed": 3}',
            UsageError,
            "'weights' was abd when the search began and is now abc; go on with the same",
            id="begun with other weights",
        ),
    ],
)
def test_what_is_no_journal_of_this_search(
    file: Path, line: int, text: str, error: type[ReportedError], sentence: str
) -> None:
    lines = file.read_text().splitlines()
    lines[line] = lines[1] if text == "twice" else text
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(error, match=f"journal.jsonl: {sentence}"):
        Journal(file, HEAD, True)


def test_of_equals_the_cheaper_and_then_the_earlier_is_the_best(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", HEAD, False)
    for number, share in ((1, 0.5), (0, 0.5), (2, 0.6)):
        journal.add(replace(ENTRY, number=number, share=share))
    best = journal.best()
    assert best and best.number == 0
