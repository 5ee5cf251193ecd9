"""Chooses which channels to remove: one global threshold over |gamma|, aligned as part of the choice.

Every group's channels are sorted by score and cut into blocks of `align`; the blocks of all groups compete, and the
weakest go first until the wanted share of channels is gone. A group keeps at least one block, so that no layer loses
all its channels and every count is a multiple of the alignment. With `align` 1 this is network slimming's global
threshold (Liu et al. 2017, arXiv 1708.06519).
"""

from __future__ import annotations

import numpy as np
from torch import nn

from compress.prune.flow import ChannelFlow, Group
from compress.prune.plan import GroupPlan, Plan
from compute_mAP.errors import UsageError


def scores(model: nn.Module, group: Group) -> np.ndarray:
    """|gamma| of each channel of the group, float64 [width]: the largest over the batch norms that share the channel.

    A channel goes silent only when all of them are small.
    """
    values = [model.get_parameter(f"{name}.weight").detach().abs().double().cpu().numpy() for name in group.norms]
    return np.max(values, axis=0) if values else np.full(len(group.classes), np.inf)


def choose(model: nn.Module, flow: ChannelFlow, percent: float, align: int) -> Plan:
    """The plan that removes `percent` (0..1) of the removable channels, whole blocks of `align` at a time.

    Raises UsageError for a percentage that no choice can reach while every group keeps a block, naming the limit, and
    for an alignment wider than every group.
    """
    if not 0 <= percent < 1:
        raise UsageError(f"--percent is {percent}, expected 0 up to but not including 1")
    if not 1 <= align <= 64:
        raise UsageError(f"--align is {align}, expected 1 to 64")
    removable = [group for group in flow.groups if not group.pinned]
    by_name = {group.name: scores(model, group) for group in removable}
    total = sum(len(group.classes) for group in removable)
    if not total:
        raise UsageError("the model has no channels that can be removed")
    if all(len(group.classes) < align for group in removable):
        widest = max(len(group.classes) for group in removable)
        raise UsageError(f"--align is {align}, but the widest group has {widest} channels")

    ordered = np.sort(np.concatenate(list(by_name.values())))
    wanted = int(total * percent)
    threshold = float(ordered[wanted]) if wanted else 0.0
    kept = {group.name: _aligned_width(len(group.classes), align) for group in removable}
    removed = total - sum(kept.values())
    blocks = sorted(
        (float(np.sort(by_name[group.name])[::-1][start : start + align].mean()), group.name)
        for group in removable
        for start in range(align, kept[group.name], align)
    )
    limit = removed + align * len(blocks)
    if wanted - limit >= align:
        raise UsageError(
            f"--percent is {percent}, but with --align {align} at most {limit / total:.3f} can be removed "
            "before a layer would lose all its channels"
        )
    for _, name in blocks:
        # the last block is taken only when that comes nearer to the wanted count than leaving it
        if removed + align - wanted > wanted - removed:
            break
        kept[name] -= align
        removed += align
    groups = [
        _plan_group(group, by_name.get(group.name), kept.get(group.name), threshold, align) for group in flow.groups
    ]
    return Plan(percent=percent, align=align, threshold=threshold, groups=groups)


def _aligned_width(width: int, align: int) -> int:
    return width if width < align else width - width % align


def _plan_group(group: Group, score: np.ndarray | None, count: int | None, threshold: float, align: int) -> GroupPlan:
    width = len(group.classes)
    if score is None or count is None:
        return GroupPlan(
            group.name, group.convolutions, width, list(range(width)), [], [], f"protected: {group.pinned}"
        )
    order = np.argsort(-score, kind="stable")
    kept, removed = np.sort(order[:count]), np.sort(order[count:])
    up, down = int((score[kept] < threshold).sum()), int((score[removed] >= threshold).sum())
    if width < align:
        reason = f"kept whole: narrower than the alignment {align}"
    elif up:
        reason = f"aligned up: {up} kept below the threshold"
    elif down:
        reason = f"aligned down: {down} removed above the threshold"
    else:
        reason = "below threshold" if len(removed) else "all above threshold"
    rounded = [round(float(s), 6) for s in score]
    return GroupPlan(group.name, group.convolutions, width, kept.tolist(), removed.tolist(), rounded, reason)
