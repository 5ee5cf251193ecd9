"""Plans for people: the table of one, and the difference of two."""

from __future__ import annotations

from typing import Any

import pytest

from compress.prune.plan import GroupPlan, Plan
from compress.report.plan_table import difference_table, plan_difference, plan_table

GROUPS = [
    GroupPlan("first", ["first", "other"], 4, [0, 2], [1, 3], [0.5, 0.1, 0.75, 0.2], "below threshold"),
    GroupPlan("second", ["second"], 4, [1, 3], [0, 2], [0.125, 1.0, 0.25, 2.0], "below threshold"),
    GroupPlan("head", ["head"], 2, [0, 1], [], [], "protected: an output of the model"),
]
PLAN = Plan({"percent": 0.5}, 2, 0.3, GROUPS)


def test_table_has_a_line_a_convolution_and_the_limits() -> None:
    lines = plan_table(PLAN).splitlines()
    assert [line.split(None, 4) for line in lines[:-1]] == [
        ["layer", "before", "after", "limit", "reason"],
        ["first", "4", "2", "0.75", "below threshold"],
        ["other", "4", "2", "0.75", "with first"],
        ["second", "4", "2", "2", "below threshold"],
        ["head", "2", "2", "-", "protected: an output of the model"],
    ]
    assert lines[-1] == "threshold 0.3; above 0.75 first would lose all its channels"
    starts = {line.index(word) for line, word in zip(lines, ("reason", "below", "with", "below", "protected"))}
    assert len(starts) == 1, "columns are aligned"


def with_kept(kept: list[int]) -> Plan:
    other = GroupPlan("second", ["second"], 4, kept, sorted({0, 1, 2, 3} - set(kept)), [0.1] * 4, "")
    return Plan({"percent": 0.5}, 2, 0.3, [GROUPS[0], other, GROUPS[2]])


@pytest.mark.parametrize(
    ("second", "entries"),
    [
        pytest.param(PLAN, [], id="the same plan"),
        pytest.param(
            with_kept([1, 2]),
            [{"layer": "second", "width": 4, "first": 2, "second": 2, "only_first": [3], "only_second": [2]}],
            id="as many channels, but others",
        ),
        pytest.param(
            with_kept([0, 1, 3]),
            [{"layer": "second", "width": 4, "first": 2, "second": 3, "only_first": [], "only_second": [0]}],
            id="one more",
        ),
        pytest.param(
            Plan({}, 2, 0.3, GROUPS[:2]),
            [{"layer": "head", "width": None, "first": 2, "second": 0, "only_first": [0, 1], "only_second": []}],
            id="a layer that only the first has",
        ),
    ],
)
def test_difference(second: Plan, entries: list[dict[str, Any]]) -> None:
    assert plan_difference(PLAN, second) == entries
    text = difference_table(entries)
    assert text == "the plans keep the same channels" if not entries else entries[0]["layer"] in text


def test_long_lists_of_indices_are_shortened() -> None:
    entry = {"layer": "a", "width": 64, "first": 32, "second": 2, "only_first": list(range(30)), "only_second": []}
    assert difference_table([entry]).splitlines()[1].split() == [
        "a", "64", "32", "2", "0,1,2,3,4,5,6,7,...", "(30)", "-",
    ]  # fmt: skip


def test_table_counts_the_channels_of_a_layer_in_halves() -> None:
    halves = GroupPlan(
        "cv1", ["cv1", "m"], 4, [0, 2], [1, 3], [0.5, 0.1, 0.75, 0.2], "", {"cv1": [[0, 1, 2, 3], [4, 5, 6, 7]]}
    )
    lines = plan_table(Plan({"percent": 0.5}, 2, 0.3, [halves])).splitlines()
    assert [line.split(None, 3)[:3] for line in lines[1:3]] == [["cv1", "8", "4"], ["m", "4", "2"]]
