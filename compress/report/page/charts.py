"""The charts of the page, each as an <svg> element. Words in them are translated by the page's own script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from compress.report.page.inline_svg import FAINT, INK, SERIES, inline_svg
from compress.report.page.scores import RECALLS
from compress.val.operating_point import GRID

_SMALL, _WIDE = (4.2, 3.2), (4.6, 3.0)
_DASHES = ("-", "--", ":", "-.")
_ROW = 0.16  # inches a layer
_EVERY = 4  # of the 1001 confidences, one in so many is drawn


def style_of(number: int) -> dict[str, Any]:
    """Colour and dashes of the line with that number; they repeat after 32."""
    return {"color": SERIES[number % len(SERIES)], "linestyle": _DASHES[number // len(SERIES) % len(_DASHES)]}


def on_frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which of the points (cost, accuracy) no other one beats, in the order of rising cost."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    best, kept = -np.inf, []
    for i in order:
        if points[i][1] > best:
            best = points[i][1]
            kept.append(i)
    return kept


def frontier_chart(name: str, points: Mapping[int, tuple[float, float]], cost: str, accuracy: str) -> str:
    """Accuracy against a cost; `points` are (cost, accuracy) by the model's number, from 1."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        values = list(points.values())
        line = [values[i] for i in on_frontier(values)]
        axes.plot(*zip(*line, strict=True), color=FAINT, linewidth=2.5, drawstyle="steps-post", zorder=1)
        for number, (x, y) in points.items():
            axes.scatter([x], [y], s=42, color=style_of(number - 1)["color"], zorder=3)
            axes.annotate(str(number), (x, y), (5, 4), textcoords="offset points", fontweight="bold")
        axes.margins(0.12)
        axes.set_xlim(0, 1.12 * max(x for x, _ in values) or 1.0)
        axes.set_xlabel(cost)
        axes.set_ylabel(accuracy)

    best = [list(points)[i] for i in on_frontier(list(points.values()))]
    return inline_svg(name, f"{accuracy}, {cost}: {', '.join(f'#{number}' for number in best)}", _SMALL, draw)


def curves_chart(
    name: str, label: str, x: np.ndarray, curves: Mapping[str, np.ndarray], words: tuple[str, str], mean: str = ""
) -> str:
    """Lines over 0..1; the one named `mean` is drawn broad, in the colour of text."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        others = [key for key in curves if key != mean]
        for number, key in enumerate(others):
            axes.plot(x, curves[key], label=key, linewidth=1.4, **style_of(number))
        if mean in curves:
            axes.plot(x, curves[mean], label=mean, linewidth=2.4, color=INK)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(words[0])
        axes.set_ylabel(words[1])
        if len(curves) <= 12:
            axes.legend(loc="best", fontsize=7)

    return inline_svg(name, label, _SMALL, draw)


def precision_chart(name: str, label: str, curves: Mapping[str, np.ndarray], mean: str = "") -> str:
    """Precision over recall."""
    return curves_chart(name, label, RECALLS, curves, ("recall", "precision"), mean)


def f1_chart(name: str, label: str, curves: Mapping[str, np.ndarray], mean: str = "") -> str:
    """F1 over confidence."""
    fewer = {key: values[::_EVERY] for key, values in curves.items()}
    return curves_chart(name, label, GRID[::_EVERY], fewer, ("confidence", "F1"), mean)


def training_chart(name: str, label: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """mAP and F1 over the epochs, below them the parts of the loss and, of a sparse run, the share of gammas near 0."""
    epochs = [row["epoch"] for row in rows]
    metrics = [key for key in ("map50", "map50_95", "f1", "near_zero_gammas") if _numbers(rows, key)]
    losses = [key for key in rows[0] if key not in _NO_LOSS and _numbers(rows, key)]

    def draw(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True)
        for axes, keys, word in ((upper, metrics, ""), (lower, losses, "loss")):
            for number, key in enumerate(keys):
                values = _numbers(rows, key)
                dot = "o" if len(rows) == 1 else ""  # a line of one epoch is none
                axes.plot(epochs, values, label=_SHOWN.get(key, key), linewidth=1.6, marker=dot, **style_of(number))
            axes.set_ylabel(word)
            if keys:
                axes.legend(fontsize=7, loc="best")
        upper.set_ylim(0, 1)
        lower.set_ylim(bottom=0)
        lower.set_xlabel("epoch")
        lower.xaxis.get_major_locator().set_params(integer=True)

    return inline_svg(name, label, (4.6, 4.4), draw)


_NO_LOSS = {"epoch", "map50", "map75", "map50_95", "f1", "f1_confidence", "near_zero_gammas", "sr", "seconds"}
_SHOWN = {"map50": "mAP@0.5", "map50_95": "mAP@0.5:0.95", "f1": "F1", "near_zero_gammas": "gammas near 0"}


def _numbers(rows: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    """The values of a key, NaN where a row has none; [] where no row has one."""
    values = [row.get(key) for row in rows]
    known = [isinstance(value, (int, float)) and not isinstance(value, bool) for value in values]
    return [float(v) if fine else float("nan") for v, fine in zip(values, known, strict=True)] if any(known) else []  # type: ignore[arg-type]


def channels_chart(name: str, label: str, before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """A bar for each convolution: the channels that are left, and behind them those that there were."""
    layers = list(after)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = range(len(layers))
        axes.barh(places, [before.get(layer, after[layer]) for layer in layers], color=SERIES[1], label="removed")
        axes.barh(places, [after[layer] for layer in layers], color=SERIES[0], label="kept")
        _layer_axis(axes, layers)
        axes.set_xlabel("channels")
        axes.legend(fontsize=7, loc="lower right")

    return inline_svg(name, label, (4.8, 0.9 + _ROW * len(layers)), draw)


def _layer_axis(axes: Axes, layers: Sequence[str]) -> None:
    axes.set_yticks(range(len(layers)), layers, fontsize=6)
    axes.set_ylim(len(layers) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
