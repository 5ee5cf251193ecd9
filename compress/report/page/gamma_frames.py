"""The histograms of a sparse run's gammas, epoch by epoch: a chart of frames, one of them shown at a time, or a GIF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from compress.report.gamma_charts import coarse_bins
from compress.report.page.inline_svg import SERIES, inline_svg
from compress.train.gamma_log import GammaEpoch
from compress.train.sparsity import NEAR_ZERO
from deploy.whole_file import write_whole

MOST = 80
"""Frames that a page or a GIF has at most; of more epochs, evenly spaced ones are shown, the last one among them."""
_MILLISECONDS, _HOLD = 120, 1500


@dataclass(frozen=True)
class Frames:
    """`edges` float64 [n + 1] of |gamma|, `counts` float64 [frames, n], and for each frame its epoch and the share of
    gammas near zero, 0..1."""

    edges: np.ndarray
    counts: np.ndarray
    epochs: list[int]
    near: list[float]


def frames_of(epochs: Sequence[GammaEpoch]) -> Frames:
    """The histograms over all layers."""
    layers = list(epochs[-1].layers)
    fine = np.array([sum(epoch.layers[name] for name in layers) for epoch in epochs])
    edges, counts = coarse_bins(fine)
    shown = np.unique(np.linspace(0, len(epochs) - 1, min(MOST, len(epochs))).round().astype(int))
    share = fine[:, 0] / np.maximum(fine.sum(axis=1), 1)
    return Frames(edges, counts[shown], [epochs[i].epoch for i in shown], share[shown].tolist())


def frames_chart(name: str, label: str, frames: Frames) -> str:
    """An <svg> with a histogram for each frame, with the ids NAME-frame0, NAME-frame1, ...; the last one is visible."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, counts in enumerate(frames.counts):
            axes.stairs(counts, frames.edges, fill=True, color=SERIES[0], gid=f"frame{number}")
        axes.set_xlim(frames.edges[0], frames.edges[-1])
        axes.set_ylim(0, 1.05 * frames.counts.max())
        axes.set_xlabel("|gamma|")
        axes.set_ylabel("channels")

    return inline_svg(name, label, (5.4, 3.2), draw)


def write_gif(frames: Frames, title: str, file: Path) -> None:
    """Write the frames as an animation, whole or not at all; the last one is held a while."""
    images = [_image(frames, number, title) for number in range(len(frames.counts))]
    shown = [_MILLISECONDS] * (len(images) - 1) + [_HOLD]
    stream = io.BytesIO()
    images[0].save(
        stream, "GIF", save_all=True, append_images=images[1:], duration=shown, loop=0, comment=b"ascend-yolo-slim"
    )
    write_whole(file, stream.getvalue())


def _image(frames: Frames, number: int, title: str) -> Image.Image:
    figure = Figure(figsize=(6, 3.6), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.stairs(frames.counts[number], frames.edges, fill=True, color="tab:blue")
    axes.set_xlim(frames.edges[0], frames.edges[-1])
    axes.set_ylim(0, 1.05 * frames.counts.max())
    axes.set_xlabel("|gamma|")
    axes.set_ylabel("channels")
    share = f"{frames.near[number]:.1%} below {NEAR_ZERO}"
    axes.set_title(f"{title}, epoch {frames.epochs[number]}: {share}", parse_math=False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert("P", palette=Image.Palette.ADAPTIVE)  # fmt: skip  # noqa: E501
