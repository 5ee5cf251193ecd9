"""Columns of a table: which begin together, which end together."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from compress.text_table import aligned

ROWS = [("name", "n", "why"), ("a", "100", "because"), ("longer", "7", "")]


@pytest.mark.parametrize(
    ("left", "lines"),
    [
        pytest.param((0,), ["name      n      why", "a       100  because", "longer    7"], id="names, then numbers"),
        pytest.param((), ["  name    n      why", "     a  100  because", "longer    7"], id="all to the right"),
        pytest.param((0, 2), ["name      n  why", "a       100  because", "longer    7"], id="reasons begin together"),
    ],
)
def test_columns(left: Collection[int], lines: list[str]) -> None:
    assert aligned(ROWS, left).splitlines() == lines
