"""Protects channels from pruning: layers that a user names, and channels that shortcuts add up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from compress.channels.flow import ChannelFlow
from deploy.errors import UsageError
from deploy.wording import nearest


def keep_shortcuts(flow: ChannelFlow) -> ChannelFlow:
    """The flow with every group pinned whose channels meet in an addition, as network slimming for YOLO has it."""
    groups = [
        replace(group, pinned="shortcuts are kept") if group.shortcut and not group.pinned else group
        for group in flow.groups
    ]
    return replace(flow, groups=groups)


def protect(flow: ChannelFlow, patterns: Sequence[str]) -> ChannelFlow:
    """The flow with every group pinned that has a convolution which a pattern (`*` `?` `[...]`) matches.

    A pattern that matches a layer stands for everything inside it. Raises UsageError for one that matches no
    convolution.
    """
    groups = list(flow.groups)
    for pattern in patterns:
        matched = False
        for i, group in enumerate(groups):
            if any(_inside(name, pattern) for name in group.convolutions):
                matched = True
                if not group.pinned:
                    groups[i] = replace(group, pinned=f"--protect {pattern}")
        if not matched:
            near = nearest(pattern, flow.convolutions)
            raise UsageError(f"--protect {pattern} matches none of the {len(flow.convolutions)} convolutions{near}")
    return replace(flow, groups=groups)


def _inside(name: str, pattern: str) -> bool:
    """Whether the pattern matches the convolution or a layer that it is inside of."""
    parts = name.split(".")
    return any(fnmatchcase(".".join(parts[:end]), pattern) for end in range(1, len(parts) + 1))


def kept_on_purpose(flow: ChannelFlow, shortcuts: str, patterns: Sequence[str]) -> ChannelFlow:
    """The flow with every group pinned that a user wants kept: `shortcuts` is "keep" or "group", `patterns` are layers.

    Pruning and sparse training both ask here, so that no gamma is penalised whose channel stays anyway. Raises
    UsageError for a pattern that matches no convolution.
    """
    return protect(keep_shortcuts(flow) if shortcuts == "keep" else flow, patterns)


def keep_all_but(flow: ChannelFlow, names: Collection[str], reason: str) -> ChannelFlow:
    """The flow with every group pinned, for that reason, that has a convolution not among these names."""
    groups = [
        group if group.pinned or set(group.convolutions) <= set(names) else replace(group, pinned=reason)
        for group in flow.groups
    ]
    return replace(flow, groups=groups)
