"""A plan for people: one line a layer with its channels before and after, and the limits; and what differs in two."""

from __future__ import annotations

from compress.prune.plan import GroupPlan, Plan
from compress.text_table import aligned


def plan_table(plan: Plan) -> str:
    """One line a convolution: channels before and after, the layer's limit (its largest score), and the reason.

    Layers whose channels go together stand under each other; the last lines tell the plan's threshold and its limit.
    """
    rows: list[tuple[str, ...]] = [("layer", "before", "after", "limit", "reason")]
    for group in plan.groups:
        highest = f"{max(group.score):.4g}" if group.score else "-"
        for member in group.members:
            reason = group.reason if member == group.members[0] else f"with {group.members[0]}"
            times = len(group.places.get(member, [[]]))
            rows.append((member, str(times * group.width), str(times * len(group.kept)), highest, reason))
    limits = [(max(group.score), group.name) for group in plan.groups if group.score]
    lines = [aligned(rows, left=(0, 4))]
    if limits:
        limit, name = min(limits)
        lines.append(f"threshold {plan.threshold:.4g}; above {limit:.4g} {name} would lose all its channels")
    return "\n".join(lines)


def plan_difference(first: Plan, second: Plan) -> list[dict[str, object]]:
    """The groups in which two plans differ: name, width, channels kept by each, and the indices that only one keeps.

    A group that only one plan has is kept by the other in no channel and has width 0 there.
    """
    left, right = ({group.name: group for group in plan.groups} for plan in (first, second))
    names = [*left, *(name for name in right if name not in left)]
    differences = (_compare(name, left.get(name), right.get(name)) for name in names)
    return [entry for entry in differences if entry["only_first"] or entry["only_second"] or entry["width"] is None]


def difference_table(entries: list[dict[str, object]]) -> str:
    """What `plan_difference` found, one line a group; a sentence where it found nothing."""
    if not entries:
        return "the plans keep the same channels"
    rows: list[tuple[str, ...]] = [("layer", "before", "first keeps", "second keeps", "only first", "only second")]
    for entry in entries:
        width = "differs" if entry["width"] is None else str(entry["width"])
        only = (_indices(entry[key]) for key in ("only_first", "only_second"))  # type: ignore[arg-type]
        rows.append((str(entry["layer"]), width, str(entry["first"]), str(entry["second"]), *only))
    return aligned(rows, left=(0, 5))


def _compare(name: str, first: GroupPlan | None, second: GroupPlan | None) -> dict[str, object]:
    a, b = (set(group.kept) if group else set() for group in (first, second))
    widths = {group.width if group else 0 for group in (first, second)}
    return {
        "layer": name,
        "width": widths.pop() if len(widths) == 1 else None,
        "first": len(a),
        "second": len(b),
        "only_first": sorted(a - b),
        "only_second": sorted(b - a),
    }


def _indices(values: list[int]) -> str:
    shown = ",".join(map(str, values[:8]))
    return f"{shown},... ({len(values)})" if len(values) > 8 else shown or "-"
