"""Chooses which channels to remove: one global order over all scores, aligned as part of the choice.

Every group's channels are sorted by score and cut into blocks of `align`; the blocks of all groups compete, and the
weakest go first until the goal is reached. A group keeps at least one block, or the share that is its floor: no layer
loses all its channels, and every count is a multiple of the alignment. Where the goal is a cost, blocks can also be
ranked by what they lose for each unit of it that they save: an early layer has few channels of many FLOPs. With |gamma|
and `align` 1 this is network slimming's global threshold (Liu et al. 2017, arXiv 1708.06519).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import nn

from compress.channels.flow import ChannelFlow
from compress.channels.layers import Group
from compress.prune.alignment import aligned_up, aligned_width, nearest_width
from compress.prune.budget import Cost
from compress.prune.goal import Goal
from compress.prune.plan import GroupPlan, Plan
from compress.prune.scores import Scores, gamma_scores
from deploy.errors import UsageError


def choose(model: nn.Module, flow: ChannelFlow, percent: float, align: int) -> Plan:
    """The plan that removes `percent` (0..1) of the removable channels with the smallest |gamma|."""
    return choose_for(flow, gamma_scores(model, flow), Goal("percent", percent), align)


def choose_for(
    flow: ChannelFlow,
    scores: Scores,
    goal: Goal,
    align: int,
    cost: Cost | None = None,
    floor: float = 0.0,
    by_saving: bool = False,
) -> Plan:
    """The plan that reaches the goal, whole blocks of `align` at a time.

    `cost` is needed for the goals flops, params and latency and has their unit. percent and threshold end at the block
    count nearest to what is wanted, the others at the first one that is within the goal. `floor` is the share of its
    channels, 0..1, that every group keeps at least. With `by_saving`, which needs a cost, a block's score is divided by
    what it saves at full width.

    Raises UsageError for a goal that no choice can reach while every group keeps a block, naming the limit, and for an
    alignment wider than every group.
    """
    groups = flow.removable()
    _check(groups, align)
    width = {group.name: len(group.classes) for group in groups}
    kept = {name: aligned_width(count, align) for name, count in width.items()}
    saved = _saved(kept, align, cost) if by_saving and cost else dict.fromkeys(kept, 1.0)
    blocks = sorted(
        (float(np.sort(scores[name])[::-1][start : start + align].mean()) / saved[name], name)
        for name in kept
        for start in range(max(align, aligned_up(floor * width[name], align)), kept[name], align)
    )
    threshold = 0.0
    if goal.kind == "uniform":
        kept = {name: nearest_width(count, goal.value, align) for name, count in width.items()}
    elif goal.kind in ("percent", "threshold"):
        wanted, threshold = _wanted(goal, scores)
        _take_count(kept, blocks, goal, align, wanted, sum(width.values()))
    else:
        assert cost is not None, f"the goal {goal.kind} needs a cost"
        threshold = _take_cost(kept, blocks, goal, align, cost)
    chosen = [_plan_group(g, scores.get(g.name), kept.get(g.name), threshold, align, goal) for g in flow.groups]
    return Plan({goal.kind: goal.value}, align, threshold, chosen)


def with_widths(flow: ChannelFlow, scores: Scores, kept: Mapping[str, int], goal: Goal, align: int) -> Plan:
    """The plan in which each group keeps the given number of its channels, those with the highest scores."""
    chosen = [_plan_group(g, scores.get(g.name), kept.get(g.name), 0.0, align, goal) for g in flow.groups]
    return Plan({goal.kind: goal.value}, align, 0.0, chosen)


def _saved(kept: dict[str, int], align: int, cost: Cost) -> dict[str, float]:
    """What one block of each group saves while all others are whole, as a share of the whole; above 0."""
    whole = cost(kept)
    saved = {name: whole - cost({**kept, name: count - align}) for name, count in kept.items() if count > align}
    return {name: max(saved.get(name, 0.0) / whole, 1e-9) for name in kept}


def highest_threshold(scores: Scores) -> tuple[float, str]:
    """The score that a threshold may not exceed without emptying a group, and that group's name."""
    return min((float(values.max()), name) for name, values in scores.items())


def _check(groups: list[Group], align: int) -> None:
    if not 1 <= align <= 64:
        raise UsageError(f"--align is {align}, expected 1 to 64")
    if not groups:
        raise UsageError("the model has no channels that can be removed")
    widest = max(len(group.classes) for group in groups)
    if widest < align:
        raise UsageError(f"--align is {align}, but the widest group has {widest} channels")


def _wanted(goal: Goal, scores: Scores) -> tuple[int, float]:
    """How many channels are to go, and the score that parts them from the others."""
    ordered = np.sort(np.concatenate(list(scores.values())))
    if goal.kind == "percent":
        wanted = int(len(ordered) * goal.value)
        return wanted, float(ordered[wanted]) if wanted else 0.0
    limit, name = highest_threshold(scores)
    if goal.value > limit:
        raise UsageError(
            f"--threshold is {goal.value:g}, but the largest score of {name} is {limit:.4g}: "
            "a higher threshold leaves it without channels"
        )
    return int((ordered < goal.value).sum()), goal.value


def _take_count(
    kept: dict[str, int], blocks: list[tuple[float, str]], goal: Goal, align: int, wanted: int, total: int
) -> None:
    removed = total - sum(kept.values())
    limit = removed + align * len(blocks)
    if wanted - limit >= align:
        raise UsageError(
            f"--{goal.kind} is {goal.value:g}, but with --align {align} at most {limit / total:.3f} can be removed "
            "before a layer would lose all its channels, or fall below its floor"
        )
    for _, name in blocks:
        # the last block is left only where taking it would miss the wanted count by more than leaving it does
        if removed + align - wanted > wanted - removed:
            break
        kept[name] -= align
        removed += align


def _take_cost(kept: dict[str, int], blocks: list[tuple[float, str]], goal: Goal, align: int, cost: Cost) -> float:
    """Take the fewest blocks that bring the cost within the goal; returns the score of the last one taken."""
    taken = [dict(kept)]
    for _, name in blocks:
        taken.append({**taken[-1], name: taken[-1][name] - align})
    if cost(taken[-1]) > goal.value:
        raise UsageError(
            f"--{goal.kind} asks for at most {goal.value:.4g}, but with --align {align} at least "
            f"{cost(taken[-1]):.4g} remains when every layer keeps its last {align} channels, or its floor"
        )
    low, high = 0, len(blocks)
    while low < high:  # the cost never grows with more blocks taken
        middle = (low + high) // 2
        low, high = (low, middle) if cost(taken[middle]) <= goal.value else (middle + 1, high)
    kept.update(taken[low])
    return blocks[low - 1][0] if low else 0.0


def _plan_group(
    group: Group, score: np.ndarray | None, count: int | None, threshold: float, align: int, goal: Goal
) -> GroupPlan:
    width = len(group.classes)
    if score is None or count is None:
        whole, reason = list(range(width)), f"protected: {group.pinned}"
        return GroupPlan(group.name, group.convolutions, width, whole, [], [], reason, group.places)
    order = np.argsort(-score, kind="stable")
    kept, removed = np.sort(order[:count]), np.sort(order[count:])
    reason = _reason(score, kept, removed, threshold, align, goal)
    rounded = [round(float(s), 6) for s in score]
    parts = (kept.tolist(), removed.tolist(), rounded)
    return GroupPlan(group.name, group.convolutions, width, *parts, reason, group.places)


def _reason(score: np.ndarray, kept: np.ndarray, removed: np.ndarray, threshold: float, align: int, goal: Goal) -> str:
    if len(score) < align:
        return f"kept whole: narrower than the alignment {align}"
    if goal.kind == "uniform":
        return f"uniform: the best {goal.value:.0%}, aligned"
    if goal.kind not in ("percent", "threshold"):
        return f"among the weakest blocks within the wanted {goal.kind}" if len(removed) else "all above threshold"
    up, down = int((score[kept] < threshold).sum()), int((score[removed] >= threshold).sum())
    if up:
        return f"aligned up: {up} kept below the threshold"
    if down:
        return f"aligned down: {down} removed above the threshold"
    return "below threshold" if len(removed) else "all above threshold"
