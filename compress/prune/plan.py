"""The plan: what a pruning keeps and removes, and why. A file that can be read, compared and applied again.

The file's keys are described in docs/formats.md.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from compress.channels.flow import ChannelFlow
from compress.channels.layers import Places
from compute_mAP.regular_file import MEGABYTE, read_bounded
from deploy.errors import ModelError
from deploy.strict_json import strict_json
from deploy.whole_file import write_whole

SCHEMA_VERSION = 2
_LONGEST = 256 * MEGABYTE


@dataclass(frozen=True)
class GroupPlan:
    """One group: `kept` and `removed` partition 0..width-1; `score` has a value a channel, none where it is pinned.

    `places` has the members of which an index stands for several channels, two where halves are split, and which.
    """

    name: str
    members: list[str]
    width: int
    kept: list[int]
    removed: list[int]
    score: list[float]
    reason: str
    places: Places = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A pruning of a whole model.

    `goal` is what was asked for, one kind and its value (see goal.py); `threshold` is the score that it came to before
    alignment. `score` names the scores, `shortcuts` and `protect` tell what was kept on purpose.
    """

    goal: dict[str, float]
    align: int
    threshold: float
    groups: list[GroupPlan]
    score: str = "gamma"
    shortcuts: str = "group"
    protect: list[str] = field(default_factory=list)

    def removed_share(self) -> float:
        """The share of removable channels that the plan removes, 0..1."""
        movable = [g for g in self.groups if g.score]
        return sum(len(g.removed) for g in movable) / max(1, sum(g.width for g in movable))

    def places(self) -> list[Places]:
        """Those of all groups: with them `channel_flow` makes the groups that the plan speaks of."""
        return [group.places for group in self.groups if group.places]

    def to_json(self) -> dict[str, Any]:
        return {"schema_version": SCHEMA_VERSION, "kind": "plan", **asdict(self)}

    def save(self, path: str | Path) -> None:
        """Write the plan, whole or not at all."""
        write_whole(Path(path), self.to_bytes())

    def to_bytes(self) -> bytes:
        """The file's content, one group a line so that two plans compare line by line."""
        content = self.to_json()
        groups = ",\n    ".join(json.dumps(g) for g in content.pop("groups"))
        head = json.dumps(content, indent=2)[:-2]
        return f'{head},\n  "groups": [\n    {groups}\n  ]\n}}\n'.encode()


def read_plan(path: str | Path) -> Plan:
    """Read a plan. Raises ModelError when the file is none."""
    path = Path(path)
    try:
        content = strict_json(read_bounded(path, _LONGEST))
        kind, version = content["kind"], content["schema_version"]
        if kind == "plan" and version == SCHEMA_VERSION:
            plan = _plan(content)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file, expected a plan") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ModelError(f"{path}: not a plan ({type(error).__name__}: {error})") from None
    if kind != "plan" or version != SCHEMA_VERSION:
        raise ModelError(
            f"{path}: a {str(kind)[:60]} of schema_version {str(version)[:60]}, expected a plan of {SCHEMA_VERSION}"
        )
    _check_types(path, plan)
    return plan


def load_plan(path: str | Path, flow: ChannelFlow) -> Plan:
    """Read a plan and check that it fits the model whose channel flow is given.

    Raises ModelError when the file is no plan or speaks of other groups or other widths.
    """
    plan = read_plan(path)
    wanted = {group.name: group for group in flow.groups}
    planned = {group.name: group for group in plan.groups}
    if wanted.keys() != planned.keys() or len(planned) != len(plan.groups):
        names = [group.name for group in plan.groups]
        name = min(wanted.keys() ^ planned.keys(), default=max(names, key=names.count, default=""))
        raise ModelError(f"{path}: the group '{name}' is not once in both the plan and the model")
    for name, group in planned.items():
        if sorted([*group.kept, *group.removed]) != list(range(len(wanted[name].classes))):
            raise ModelError(
                f"{path}: group '{name}' does not keep or remove each of {len(wanted[name].classes)} channels"
            )
        if not group.kept or (group.removed and wanted[name].pinned):
            fault = "keeps no channel" if not group.kept else f"removes channels, but: {wanted[name].pinned}"
            raise ModelError(f"{path}: group '{name}' {fault}")
        if group.removed and len(group.kept) % plan.align:
            raise ModelError(
                f"{path}: group '{name}' keeps {len(group.kept)} channels, no multiple of {plan.align}, which is the "
                "plan's 'align'; keep another number of them, or change 'align'"
            )
    return plan


def _plan(content: dict[str, Any]) -> Plan:
    return Plan(
        {str(kind): float(value) for kind, value in content["goal"].items()},
        int(content["align"]),
        float(content["threshold"]),
        [
            GroupPlan(**{k: g[k] for k in GroupPlan.__dataclass_fields__})
            for g in _with_places(_list(content, "groups"))
        ],
        _text(content, "score"),
        _text(content, "shortcuts"),
        [str(pattern) for pattern in _list(content, "protect")],
    )


def _text(content: dict[str, Any], key: str) -> str:
    if not isinstance(content[key], str):
        raise TypeError(f"'{key}' is {str(content[key])[:60]}, expected a text")
    return content[key]


def _list(content: dict[str, Any], key: str) -> list[Any]:
    if not isinstance(content[key], list):
        raise TypeError(f"'{key}' is {str(content[key])[:60]}, expected a list")
    return content[key]


def _with_places(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def rows(of: Any) -> list[list[int]]:
        return [[int(place) for place in row] for row in of]

    return [{**g, "places": {str(name): rows(of) for name, of in g.get("places", {}).items()}} for g in groups]


def _check_types(path: Path, plan: Plan) -> None:
    if not 1 <= plan.align <= 64:
        raise ModelError(f"{path}: 'align' is {plan.align}, expected 1 to 64")
    for group in plan.groups:
        if not isinstance(group.name, str):
            raise ModelError(f"{path}: the name of a group is {str(group.name)[:60]}, expected a layer's name")
        if not isinstance(group.reason, str):
            raise ModelError(f"{path}: 'reason' of group '{group.name}' is {str(group.reason)[:60]}, expected a text")
        if type(group.width) is not int:
            raise ModelError(f"{path}: 'width' of group '{group.name}' is {str(group.width)[:60]}, expected a number")
        for key, kind in (("members", str), ("kept", int), ("removed", int), ("score", (int, float))):
            value = getattr(group, key)
            if not isinstance(value, list) or not all(isinstance(v, kind) and not isinstance(v, bool) for v in value):
                expected = "names" if kind is str else "numbers"
                raise ModelError(f"{path}: '{key}' of group '{group.name}' is {str(value)[:60]}, expected {expected}")
