"""The widths that a slim YAML (compress/nets/slim_yaml.py) asks of a model, and a new model that has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from compress.channels.flow import ChannelFlow, channel_flow, example_image
from compress.channels.layers import Group
from compress.nets.detector import Detector
from compress.nets.slim_yaml import Factors, convolution_widths, read_slim_yaml
from compress.nets.yolov5 import Yolov5
from compress.prune.alignment import aligned_up
from compress.prune.choose import with_widths
from compress.prune.goal import Goal
from compress.prune.plan import Plan
from compress.prune.scores import Scores, gamma_scores
from compress.prune.surgery import cut
from deploy.errors import ModelError

ALIGN = 8
"""What readers of slim YAMLs round widths up to."""


def slim_plan(model: Detector, flow: ChannelFlow, scores: Scores, file: str | Path, align: int) -> Plan:
    """The plan that brings a model to the widths of a slim YAML, rounded up to whole blocks; the best channels stay.

    Raises ModelError for a file that is no slim YAML, or that asks for widths that the model cannot have.
    """
    arch, factors = read_slim_yaml(file)
    return _plan(model, flow, scores, (arch, factors), str(file), align)


def narrowed(model: Detector, factors: Factors, file: str | Path) -> Detector:
    """A fresh model of a slim YAML's architecture at the file's widths. Raises ModelError as `slim_plan` does."""
    flow = channel_flow(model, example_image(model))
    assert isinstance(model, Yolov5)
    plan = _plan(model, flow, gamma_scores(model, flow), (model.arch, factors), str(file), ALIGN)
    return cut(model, flow, plan)


def _plan(
    model: Detector, flow: ChannelFlow, scores: Scores, described: tuple[dict[str, Any], Factors], file: str, align: int
) -> Plan:
    arch, factors = described
    wanted = _wanted(arch, factors, file, align)
    own = convolution_widths(model)
    stray = min(wanted.keys() - own.keys(), default=None)
    if stray:
        raise ModelError(f"{file}: has a factor for {stray}, a convolution that the model does not have")
    widths = {group.name: _width(group, wanted, own, file, align) for group in flow.groups}
    kept = {group.name: widths[group.name] for group in flow.removable()}
    total = sum(len(group.classes) for group in flow.removable())
    goal = Goal("percent", (total - sum(kept.values())) / max(1, total))
    plan = with_widths(flow, scores, kept, goal, align)
    reason = f"as wide as {Path(file).name} has it"
    return replace(plan, groups=[replace(row, reason=reason) if row.score else row for row in plan.groups])


def _wanted(arch: Mapping[str, Any], factors: Factors, file: str, align: int) -> dict[str, int]:
    """The channels that the file asks of each convolution with a factor."""
    names = [str(number) for number in range(int(arch["nc"]))]
    try:
        whole = convolution_widths(Yolov5(dict(arch), names))
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from None
    return {
        name: whole[name] if factor == 1 else min(whole[name], aligned_up(factor * whole[name], align))
        for name, factor in factors.items()
    }


def _width(group: Group, wanted: Mapping[str, int], own: Mapping[str, int], file: str, align: int) -> int:
    """How many channels a group is to keep; its convolutions without a factor stay as they are."""
    width = len(group.classes)
    asked = {name: wanted.get(name, own[name]) for name in group.convolutions}
    first, *others = asked or [""]
    for name in others:
        if asked[name] != asked[first]:
            raise ModelError(
                f"{file}: {first} is to have {asked[first]} channels and {name} {asked[name]}, but they are "
                "the same in the model; expected equal widths"
            )
    count = asked.get(first, width)
    if count > own.get(first, width):
        raise ModelError(f"{file}: {first} is to have {count} channels, but the model has {own[first]} there")
    if count < own.get(first, width) and group.pinned:
        raise ModelError(f"{file}: {first} is to have {count} of {own[first]} channels, but: {group.pinned}")
    return count
