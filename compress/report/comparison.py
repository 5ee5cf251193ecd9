"""Compares bundles by what the edge side says of them: `speed` and `eval` run as the user's own commands would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from compress.report.aligned import aligned
from compute_mAP.errors import ReportedError

ROOT = Path(__file__).resolve().parent.parent.parent
COLUMNS = ("model", "mAP@0.5", "mAP@0.5:0.95", "parameters", "FLOPs", "file size", "host latency", "images/s")


def run_edge(*arguments: object) -> dict[str, Any]:
    """Run `deploy` with these arguments on the host engine; returns its JSON.

    The command is shown on stderr as the user would type it. Raises ReportedError when it fails and KeyboardInterrupt
    when it was interrupted.
    """
    words = [str(a) for a in arguments]
    print(f"$ bash run.sh {' '.join(words)}", file=sys.stderr)
    command = [sys.executable, "-m", "deploy", *words, "--on", "host", "--json"]
    known = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *([known] if known else [])])}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode:
        raise ReportedError(f"'run.sh {words[0]}' ended with exit code {done.returncode}")
    return json.loads(done.stdout)


def compare(title: str, bundle: Path, image_set: Path, pictures: Path, devkit: Path, out: Path) -> list[str]:
    """One row, in the order of COLUMNS: `eval` on the devkit's test set (float numerics), `speed` on `image_set`.

    `out` receives the evaluation's txt_result. Latency is the median of one picture in flight, images per second with
    several; both are this computer's.
    """
    speed = run_edge("speed", image_set, pictures, "--model", bundle)
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
