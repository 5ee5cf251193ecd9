"""The chart of a search: every candidate's score against what it costs, and those that none beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from compress.report.figure_file import write_figure
from compress.search.journal import Entry

DPI = 120
UNITS = {"flops": (1e9, "GFLOPs an image"), "params": (1e6, "million parameters"), "latency": (1.0, "ms (estimated)")}


def candidate_chart(entries: Sequence[Entry], budget: str, full: tuple[float, float], file: Path) -> None:
    """Write a PNG. `budget` is one of UNITS, `full` the full-width model's cost and mAP@0.5."""
    scale, unit = UNITS[budget]
    scored = [entry for entry in entries if entry.map50 is not None]
    figure = Figure(figsize=(8, 5), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    costs = [e.cost / scale for e in scored]
    axes.scatter(costs, [_score(e) for e in scored], s=14, color="tab:blue", label="candidates")
    best = front(scored)
    axes.plot([e.cost / scale for e in best], [_score(e) for e in best], "o-", color="tab:orange", label="Pareto front")
    axes.axhline(full[1], color="grey", linewidth=1, linestyle="--", label=f"full width ({full[0] / scale:.3g})")
    axes.set_xlabel(unit)
    axes.set_ylabel("mAP@0.5 on held-out training images, not trained since")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    write_figure(figure, file)


def front(entries: Sequence[Entry]) -> list[Entry]:
    """The candidates that no other is both cheaper and better than, the cheapest first."""
    found: list[Entry] = []
    for entry in sorted(entries, key=lambda e: (e.cost, -_score(e))):
        if not found or _score(entry) > _score(found[-1]):
            found.append(entry)
    return found


def _score(entry: Entry) -> float:
    return entry.map50 or 0.0
