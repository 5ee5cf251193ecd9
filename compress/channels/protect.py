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
    """The flow with every group pinned that has a convolution whose name matches a pattern (`*` `?` `[...]`).

    A name without wildcards stands for the layer and everything inside it. Raises UsageError for a pattern that
    matches no convolution.
    """
    groups = list(flow.groups)
    for pattern in patterns:
        matched = False
        for i, group in enumerate(groups):
            if any(fnmatchcase(name, pattern) or name.startswith(f"{pattern}.") for name in group.convolutions):
                matched = True
                if not group.pinned:
                    groups[i] = replace(group, pinned=f"--protect {pattern}")
        if not matched:
            near = nearest(pattern, flow.convolutions)
            raise UsageError(f"--protect {pattern} matches none of the {len(flow.convolutions)} convolutions{near}")
    return replace(flow, groups=groups)


def keep_all_but(flow: ChannelFlow, names: Collection[str], reason: str) -> ChannelFlow:
    """The flow with every group pinned, for that reason, that has a convolution not among these names."""
    groups = [
        group if group.pinned or set(group.convolutions) <= set(names) else replace(group, pinned=reason)
        for group in flow.groups
    ]
    return replace(flow, groups=groups)
