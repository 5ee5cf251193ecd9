"""Compares bundles by what the edge side says of them: `speed` and `eval` run as the user's own commands would."""

from __future__ import annotations

import json
from pathlib import Path

from compress.edge import run_edge
from compress.text_table import aligned

COLUMNS = ("model", "mAP@0.5", "mAP@0.5:0.95", "parameters", "FLOPs", "file size", "host latency", "images/s")


def compare(title: str, bundle: Path, image_set: Path, images: Path, devkit: Path, out: Path) -> list[str]:
    """One row, in the order of COLUMNS: `eval` on the devkit's test set (float numerics), `speed` on `image_set`.

    `out` receives the evaluation's txt_result. Latency is the median of one image in flight, images per second with
    several; both are this computer's.
    """
    speed = run_edge("speed", image_set, images, "--model", bundle)
    score = run_edge("eval", devkit, "--model", bundle, "--out", out, "--numerics", "float")
    description = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    return [
        title,
        f"{score['map50']:.3f}",
        f"{score['map50_95']:.3f}",
        f"{description['parameters'] / 1e6:.3f} M",
        f"{description['flops'] / 1e9:.3f} G",
        f"{(bundle / 'model.onnx').stat().st_size / 1e6:.2f} MB",
        f"{speed['latency_ms']['p50']:.1f} ms",
        f"{speed['images_per_second']:.0f}",
    ]


def text_table(rows: list[list[str]]) -> str:
    """The rows under COLUMNS as aligned text."""
    return aligned([COLUMNS, *rows], left=())


def markdown_table(rows: list[list[str]]) -> str:
    """The rows under COLUMNS as Markdown."""
    lines = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
