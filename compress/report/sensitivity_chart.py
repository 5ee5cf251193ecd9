"""The chart of sensitivity: signal to noise with a layer alone on int8, and with all cheaper ones too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from compress.quantize.sensitivity import Cost
from compress.report.figure_file import write_figure

DPI = 120
_ROW = 0.19


def sensitivity_chart(costs: Sequence[Cost], title: str, file: Path) -> None:
    """Write a PNG: a bar a layer, the most sensitive on top, in dB; a line for all layers from the bottom up to it."""
    figure = Figure(figsize=(10, 1.8 + _ROW * len(costs)), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    places = range(len(costs))
    axes.barh(places, [cost.alone.snr for cost in costs], color="tab:blue", height=0.8, label="alone")
    together = [cost.together.snr for cost in costs if cost.together is not None]
    if together:
        axes.plot(together, places, color="tab:orange", marker=".", label="with all layers below it")
    axes.set_yticks(places, [cost.layer for cost in costs], fontsize=6)
    axes.set_ylim(len(costs) - 0.4, -0.6)
    axes.set_xlabel("signal to noise of the raw outputs, dB (less is worse)")
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    write_figure(figure, file)
