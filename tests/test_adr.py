"""The record of decisions: a number of its own for each, which its title says too."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

FILES = sorted((Path(__file__).resolve().parents[1] / "docs" / "adr").glob("*.md"))


def test_every_decision_has_a_number_of_its_own() -> None:
    counts = Counter(file.name[:4] for file in FILES)
    assert len(FILES) > 20 and [number for number, count in counts.items() if count > 1] == []


def test_titles_say_their_numbers() -> None:
    wrong = []
    for file in FILES:
        said = re.match(r"# (?:ADR )?0*(\d+)", file.read_text(encoding="utf-8"))
        if not said or int(said[1]) != int(file.name[:4]):
            wrong.append(file.name)
    assert wrong == []
