"""Charts of the batch-norm gammas: of one model layer by layer, and of a sparse run over its epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from compress.report.figure_file import write_figure
from compress.train.gamma_log import EDGES, GammaEpoch
from compress.train.sparsity import NEAR_ZERO

DPI = 120
_ROW = 0.17  # inches a layer: labels of 6 points stay apart
_BINS = 80
_BULK = 0.998  # part of the channels that a chart's axis reaches to
_STEP, _FINE = 0.05, 2.0  # bins of the chart over epochs, and up to where the noted ones are no wider
_MAP = "viridis"


def gamma_chart(gammas: Mapping[str, np.ndarray], title: str, file: Path) -> None:
    """Write a PNG: the histogram of |gamma| over all layers, and below it one row of shades for each layer.

    `gammas` holds |gamma| by layer, float [channels], in the network's order.
    """
    values = np.concatenate(list(gammas.values()))
    top = max(float(np.quantile(values, _BULK)), 10 * NEAR_ZERO)
    edges = np.linspace(0, top, _BINS + 1)
    rows = np.array([np.histogram(found.clip(max=top), edges)[0] / len(found) for found in gammas.values()])
    height = 2.6 + _ROW * len(gammas)
    figure = Figure(figsize=(10, height + 1), dpi=DPI, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2.6, height - 2.6])
    share = float((values < NEAR_ZERO).mean())
    figure.suptitle(
        f"{title}\n{len(values)} channels in {len(gammas)} layers, {share:.1%} of |gamma| below {NEAR_ZERO}"
    )
    upper.hist(values.clip(max=top), edges, color="tab:blue")
    upper.set_yscale("log")
    upper.set_ylabel("channels (log)")
    _shades(figure, lower, rows, (0, top), list(gammas), "share of the layer's channels")
    lower.set_xlabel("|gamma| (the last bin holds what lies beyond)" if values.max() > top else "|gamma|")
    write_figure(figure, file)


def epochs_chart(epochs: Sequence[GammaEpoch], rates: Mapping[int, float], title: str, file: Path) -> None:
    """Write a PNG of a sparse run: the histogram over all layers epoch by epoch, with the share near zero and the
    sparsity rate, and below it each layer's share near zero.

    `rates` gives the sparsity rate by epoch, where it is known.
    """
    layers = list(epochs[-1].layers)
    numbers = [epoch.epoch for epoch in epochs]
    counts = np.array([sum(epoch.layers[name] for name in layers) for epoch in epochs])
    edges, coarse = coarse_bins(counts)
    height = 4.0 + _ROW * len(layers)
    figure = Figure(figsize=(10, height + 2.4), dpi=DPI, layout="constrained")
    top, middle, lower = figure.subplots(3, 1, sharex=True, height_ratios=[1.6, 2.4, height - 4.0])
    share = counts[:, 0] / counts.sum(1)
    figure.suptitle(f"{title}\n{share[-1]:.1%} of |gamma| below {NEAR_ZERO} after epoch {numbers[-1]}")
    top.plot(numbers, 100 * share, color="tab:orange", marker="o", markersize=3)
    top.set_ylabel(f"% below {NEAR_ZERO}", color="tab:orange")
    top.set_ylim(0, 100)
    if rates:
        beside = top.twinx()
        beside.plot(list(rates), list(rates.values()), color="tab:blue", marker="s", markersize=3)
        beside.set_ylabel("sparsity rate", color="tab:blue")
        beside.set_ylim(bottom=0)
    limits = numbers[0] - 0.5, numbers[-1] + 0.5
    sides = np.append(np.array(numbers) - 0.5, limits[1])
    mesh = middle.pcolormesh(sides, edges, np.log10(1 + coarse).T, cmap=_MAP)
    figure.colorbar(mesh, ax=middle, label="log10(1 + channels)", pad=0.01)
    middle.set_ylabel("|gamma|, all layers")
    near = np.array([[epoch.layers[name][0] / max(1, epoch.layers[name].sum()) for epoch in epochs] for name in layers])
    _shades(figure, lower, near, limits, layers, f"share of |gamma| below {NEAR_ZERO}", top=1.0)
    lower.set_xlabel("epoch")
    lower.xaxis.get_major_locator().set_params(integer=True)
    write_figure(figure, file)


def _shades(
    figure: Figure,
    axes: Axes,
    rows: np.ndarray,
    limits: tuple[float, float],
    names: Sequence[str],
    label: str,
    top: float | None = None,
) -> None:
    """A row of shades for each layer, the first layer on top."""
    image = axes.imshow(
        rows,
        aspect="auto",
        interpolation="nearest",
        extent=(limits[0], limits[1], len(names) - 0.5, -0.5),
        cmap=_MAP,
        norm="log" if top is None else "linear",
        vmin=None if top is None else 0,
        vmax=top,
    )
    axes.set_facecolor("0.93")  # a logarithm has no colour for nothing
    axes.set_yticks(range(len(names)), names, fontsize=6)
    figure.colorbar(image, ax=axes, label=label, pad=0.01, aspect=40)


def coarse_bins(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Histograms [epochs, len(EDGES)] in steps of _STEP, up to where the bulk ends, what lies beyond in the last
    one: edges [n + 1] and counts [epochs, n]."""
    inside = np.cumsum(counts.sum(0)) / counts.sum()
    end = EDGES[min(int(np.searchsorted(inside, _BULK)) + 1, len(EDGES) - 1)]
    edges = np.arange(0, min(max(end, 10 * NEAR_ZERO), _FINE) + _STEP / 2, _STEP)
    # a hair more, because an edge of the fine bins may lie a rounding error before one of the coarse
    place = np.clip(np.searchsorted(edges, EDGES + 1e-9, side="right") - 1, 0, len(edges) - 2)
    coarse = np.zeros((len(counts), len(edges) - 1))
    for fine, target in enumerate(place):
        coarse[:, target] += counts[:, fine]
    return edges, coarse
