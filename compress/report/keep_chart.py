"""The chart of a plan: what each layer keeps, blue, and what it loses, orange."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from compress.prune.plan import Plan
from compress.report.figure_file import write_figure

DPI = 120
_KEPT, _REMOVED, _PINNED = "tab:blue", "tab:orange", "lightsteelblue"
_ROW = 0.19


def keep_chart(plan: Plan, title: str, file: Path) -> None:
    """Write a PNG: a bar a group in the network's order, in percent of its channels; pale where none may go."""
    groups = plan.groups
    names = [f"{g.name} +{len(g.members) - 1}" if len(g.members) > 1 else g.name for g in groups]
    kept = [100 * len(g.kept) / g.width for g in groups]
    figure = Figure(figsize=(10, 1.8 + _ROW * len(groups)), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    places = range(len(groups))
    colours = [_KEPT if g.score else _PINNED for g in groups]
    axes.barh(places, kept, color=colours, height=0.8)
    axes.barh(places, [100 - k for k in kept], left=kept, color=_REMOVED, height=0.8)
    for place, group in enumerate(groups):
        axes.text(101, place, f"{len(group.kept)} of {group.width}", va="center", fontsize=6)
    axes.set_yticks(places, names, fontsize=6)
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 10))
    axes.set_xlabel("% of the layer's channels (+n: so many convolutions more share them)")
    axes.set_title(f"{title}: {plan.removed_share():.1%} of the removable channels go")
    meaning = {_KEPT: "kept", _REMOVED: "removed", _PINNED: "may not be removed"}
    patches = [Patch(color=colour, label=text) for colour, text in meaning.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=3, frameon=False)
    write_figure(figure, file)
