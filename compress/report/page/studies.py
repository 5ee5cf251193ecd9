"""What a search and a sensitivity analysis left, as charts of the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from compress.report.candidate_chart import UNITS, front
from compress.report.page.inline_svg import FAINT, SERIES, inline_svg
from compress.report.page.sources import JOURNAL, SENSITIVITY
from compress.search.journal import Entry, read_journal
from deploy.errors import DataError
from deploy.strict_json import strict_json

_ROW = 0.16  # inches a layer


def search_section(number: int, title: str, folder: Path) -> dict[str, Any]:
    """All candidates of a search and those that none beats. Raises DataError for a damaged journal."""
    file = folder / JOURNAL
    head, entries = read_journal(file)
    budget = head.get("budget")
    if budget not in UNITS:
        raise DataError(f"{file}: line 1: 'budget' is {budget!r}, expected one of {', '.join(UNITS)}")
    scored = [entry for entry in entries if entry.map50 is not None]
    best = max(scored, key=lambda entry: entry.map50 or 0.0, default=None)
    return {
        "title": title,
        "count": len(entries),
        "best": best and {"number": best.number, "map50": best.map50, "share": best.share},
        "svg": _candidates(f"search-{number}", title, scored, str(budget)) if scored else "",
    }


def _candidates(name: str, title: str, scored: Sequence[Entry], budget: str) -> str:
    scale, unit = UNITS[budget]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.scatter(
            [e.cost / scale for e in scored],
            [e.map50 or 0.0 for e in scored],
            s=14,
            color=SERIES[0],
            label="candidates",
        )
        best = front(scored)
        axes.plot(
            [e.cost / scale for e in best], [e.map50 or 0.0 for e in best], "o-", color=SERIES[1], label="Pareto front"
        )
        axes.set_xlabel(unit)
        axes.set_ylabel("mAP@0.5, not trained since")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7, loc="best")

    return inline_svg(name, f"search: {title}, {len(scored)} candidates", (4.8, 3.2), draw)


def sensitivity_section(number: int, title: str, folder: Path) -> dict[str, Any]:
    """What each layer costs on int8, the most sensitive first. Raises DataError for a damaged file."""
    file = folder / SENSITIVITY
    try:
        table = strict_json(file.read_bytes())
        rows = [_row(entry) for entry in table["layers"]]
        method = str(table["method"])
    except (OSError, ValueError, LookupError, TypeError) as fault:
        raise DataError(f"{file}: is not the table of a sensitivity ({fault})") from None
    if not rows:
        raise DataError(f"{file}: 'layers' is empty")
    return {"title": title, "method": method, "rows": rows, "svg": _layers(f"sensitivity-{number}", title, rows)}


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    alone, together = entry["alone"], entry.get("together")
    return {
        "layer": str(entry["layer"]),
        "alone": float(alone["snr_db"]),
        "lost": float(alone["lost"]),
        "together": None if together is None else float(together["snr_db"]),
    }


def _layers(name: str, title: str, rows: Sequence[dict[str, Any]]) -> str:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = range(len(rows))
        axes.barh(places, [row["alone"] for row in rows], color=SERIES[0], label="alone")
        if all(row["together"] is not None for row in rows):
            together = [row["together"] for row in rows]
            axes.plot(together, places, color=SERIES[1], marker=".", label="with all layers below it")
        axes.set_yticks(places, [row["layer"] for row in rows], fontsize=6)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.axvline(0, color=FAINT, linewidth=0.8)
        axes.set_xlabel("signal to noise, dB")
        figure.legend(loc="outside lower center", ncols=2, fontsize=7)

    return inline_svg(name, f"int8 sensitivity: {title}", (4.8, 1.2 + _ROW * len(rows)), draw)
