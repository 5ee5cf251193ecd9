"""The plan file: what is written is read again, it compares line by line, and plans that do not fit are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compress.channels.flow import ChannelFlow
from compress.channels.layers import Group
from compress.prune.plan import GroupPlan, Plan, load_plan, read_plan
from deploy.errors import ModelError

FLOW = ChannelFlow(
    {},
    {},
    [
        Group("first", np.arange(4), ["first", "other"], ["n1"]),
        Group("second", np.arange(4, 8), ["second"], ["n2"]),
        Group("head", np.arange(8, 10), ["head"], [], "an output of the model"),
    ],
)
PLAN = Plan(
    {"percent": 0.5},
    2,
    0.3,
    [
        GroupPlan("first", ["first", "other"], 4, [0, 2], [1, 3], [0.5, 0.1, 0.75, 0.2], "below threshold"),
        GroupPlan("second", ["second"], 4, [1, 3], [0, 2], [0.125, 1.0, 0.25, 2.0], "below threshold"),
        GroupPlan("head", ["head"], 2, [0, 1], [], [], "protected: an output of the model"),
    ],
)


def test_round_trip(tmp_path: Path) -> None:
    PLAN.save(tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json", FLOW) == PLAN
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"], "no partial file is left"


def test_file_is_json_with_one_group_a_line(tmp_path: Path) -> None:
    PLAN.save(tmp_path / "plan.json")
    text = (tmp_path / "plan.json").read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(PLAN.to_json()))
    assert json.loads(text)["schema_version"] == 2 and json.loads(text)["kind"] == "plan"
    lines = [line for line in text.splitlines() if '"members"' in line]
    assert [json.loads(line.strip().rstrip(","))["name"] for line in lines] == ["first", "second", "head"]


def test_plan_of_a_real_flow_comes_back(tiny_flow: ChannelFlow, random_plan: Callable, tmp_path: Path) -> None:
    plan = random_plan(tiny_flow, 3)
    plan.save(tmp_path / "plan.json")
    assert load_plan(str(tmp_path / "plan.json"), tiny_flow) == plan


def test_removed_share_is_one_of_the_channels_that_can_go() -> None:
    assert PLAN.removed_share() == 0.5
    assert Plan({}, 1, 0, PLAN.groups[2:]).removed_share() == 0


def group(index: int, **changes: Any) -> Callable[[dict], None]:
    return lambda content: content["groups"][index].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda c: c.pop("groups"), "not a plan", id="no groups"),
        pytest.param(lambda c: c.pop("goal"), "not a plan", id="no goal"),
        pytest.param(lambda c: c.update(goal=0.5), "not a plan", id="a goal without a kind"),
        pytest.param(lambda c: c.update(align="x"), "not a plan", id="an alignment that is no number"),
        pytest.param(lambda c: c.update(groups=3), "not a plan", id="groups that are a number"),
        pytest.param(lambda c: c.update(groups=["first"]), "not a plan", id="groups that are names"),
        pytest.param(lambda c: c["groups"][0].pop("kept"), "not a plan", id="a group without a part"),
        pytest.param(lambda c: c.update(kind="bundle"), "a bundle of schema_version 2", id="another artefact"),
        pytest.param(lambda c: c.update(schema_version=3), "expected a plan of 2", id="a later schema"),
        pytest.param(lambda c: c["groups"].pop(), "'head' is not once in both", id="a group is missing"),
        pytest.param(
            group(0, name="model.9"), "is not once in both the plan and the model", id="another model's group"
        ),
        pytest.param(group(0, name=["first"]), "the name of a group is", id="a name that is a list"),
        pytest.param(lambda c: c["groups"].append(c["groups"][1]), "'second' is not once in both", id="a group twice"),
        pytest.param(lambda c: c.update(groups=[]), "is not once in both", id="no group at all"),
        pytest.param(group(0, kept=[0, 0, 2]), "'first' does not keep or remove each of 4", id="an index twice"),
        pytest.param(group(0, kept=[0, 1, 2]), "does not keep or remove each", id="an index kept and removed"),
        pytest.param(group(0, kept=[0]), "does not keep or remove each", id="an index forgotten"),
        pytest.param(group(0, kept=[0, 4]), "does not keep or remove each", id="an index too far"),
        pytest.param(group(0, kept=[0, -2]), "does not keep or remove each", id="a negative index"),
        pytest.param(group(0, kept=[0.0, 2]), "'kept' of group 'first' is", id="an index with a point"),
        pytest.param(group(0, kept=[0, True]), "'kept' of group 'first' is", id="a truth value"),
        pytest.param(group(0, removed=["1", "3"]), "'removed' of group 'first' is", id="text for numbers"),
        pytest.param(group(0, removed=None), "'removed' of group 'first' is None", id="nothing for numbers"),
        pytest.param(group(0, score="high"), "'score' of group 'first' is high", id="a score that is text"),
        pytest.param(group(2, kept=[0], removed=[1]), "'head' removes channels, but: an output", id="a pinned group"),
        pytest.param(group(0, reason={"a": 1}), "'reason' of group 'first' is", id="a reason that is an object"),
        pytest.param(group(0, width="4"), "'width' of group 'first' is 4", id="a width that is text"),
        pytest.param(
            lambda c: c.update(protect="model.0"), "'protect' is model.0, expected a list", id="a protected text"
        ),
        pytest.param(lambda c: c.update(score=[1]), "'score' is ", id="a score that is a list"),
        pytest.param(lambda c: c.update(align=float("inf")), "Infinity is no number", id="an endless alignment"),
        pytest.param(lambda c: c.update(align=10**30), "is too large", id="an alignment of thirty digits"),
        pytest.param(lambda c: c.update(align=0), "'align' is 0, expected 1 to 64", id="no alignment"),
        pytest.param(lambda c: c.update(threshold=float("nan")), "NaN is no number", id="a threshold that is none"),
        pytest.param(group(0, name="\ud800"), "half of a surrogate pair", id="a name that UTF-8 cannot write"),
        pytest.param(lambda c: c.update(align=4), "keeps 2 channels, no multiple of 4", id="not aligned any more"),
        pytest.param(group(1, kept=[], removed=[0, 1, 2, 3]), "'second' keeps no channel", id="an emptied group"),
    ],
)
def test_plan_that_does_not_fit_is_refused(tmp_path: Path, change: Callable[[dict], Any], message: str) -> None:
    content = json.loads(json.dumps(PLAN.to_json()))
    change(content)
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError, match=message) as caught:
        load_plan(file, FLOW)
    assert str(caught.value).startswith(f"{file}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "not a plan", id="empty"),
        pytest.param(b"{", "not a plan", id="truncated"),
        pytest.param(b"[1]", "not a plan", id="a list"),
        pytest.param(b"\xff\xfe", "not a plan", id="no text"),
    ],
)
def test_file_that_is_no_json_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load_plan(tmp_path / "plan.json", FLOW)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file, expected a plan"):
        load_plan(tmp_path / "plan.json", FLOW)
    with pytest.raises(ModelError, match="not a plan"):
        load_plan(tmp_path, FLOW)


def test_hand_edited_order_does_not_matter(tmp_path: Path) -> None:
    content = json.loads(json.dumps(PLAN.to_json()))
    content["groups"][0].update(kept=[2, 0], removed=[3, 1])
    (tmp_path / "plan.json").write_text(json.dumps(content), encoding="utf-8")
    assert load_plan(tmp_path / "plan.json", FLOW).groups[0].kept == [2, 0]


def test_plan_without_places_is_read_and_places_come_back(tmp_path: Path) -> None:
    group = GroupPlan("cv1", ["cv1", "m"], 2, [0], [1], [0.5, 0.1], "below threshold", {"cv1": [[0, 1], [3, 2]]})
    Plan({"percent": 0.5}, 1, 0.3, [group]).save(tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json").groups == [group]
    content = json.loads((tmp_path / "plan.json").read_text())
    del content["groups"][0]["places"]
    (tmp_path / "plan.json").write_text(json.dumps(content))
    assert read_plan(tmp_path / "plan.json").groups[0].places == {}
