"""The rows of a table of bundles that a chain of stages made and `eval` scored: scores, size, and paired intervals."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from compute_mAP.class_names import read_names
from compute_mAP.score import compare, score
from compute_mAP.voc_devkit import find_devkit

PROTOCOL = "coco"


def is_done(out: Path, row: str) -> bool:
    """Whether OUT has the bundle ROW-bundle and its evaluation ROW-eval."""
    return (out / f"{row}-bundle" / "bundle.json").is_file() and _results(out, row).is_dir()


def read_rows(out: Path, rows: Sequence[str], devkit: Path, names: Path) -> dict[str, dict[str, Any]]:
    """map50, map50_95 (0..1, on the devkit's test set), parameters and flops of each row that is done."""
    found = {}
    for row in rows:
        if not is_done(out, row):
            continue
        described = json.loads((out / f"{row}-bundle" / "bundle.json").read_text(encoding="utf-8"))
        report = score(_results(out, row), find_devkit(devkit), read_names(names), PROTOCOL)
        scores = {"map50": report.map50, "map50_95": report.map50_95}
        found[row] = {**scores, "parameters": described["parameters"], "flops": described["flops"]}
    return found


def markdown(
    out: Path, rows: dict[str, dict[str, Any]], against: Collection[str], devkit: Path, class_names: Path
) -> str:
    """The table; what a row has more than those in `against`, in points of mAP@0.5:0.95, with paired bootstrap
    intervals over the test images."""
    place, names = find_devkit(devkit), read_names(class_names)
    lines = [
        "| row | mAP@0.5 | mAP@0.5:0.95 | parameters | FLOPs | "
        + " | ".join(f"against {row}" for row in against)
        + " |",
        "|---|---:|---:|---:|---:|" + "---|" * len(against),
    ]
    for row, found in rows.items():
        cells = [f"{found['map50']:.3f}", f"{found['map50_95']:.3f}"]
        cells += [f"{found['parameters'] / 1e6:.3f} M", f"{found['flops'] / 1e9:.3f} G"]
        for other in against:
            if other == row or other not in rows:
                cells.append("")
                continue
            gap = compare(_results(out, row), _results(out, other), place, names, PROTOCOL).map50_95
            cells.append(f"{100 * gap.difference:+.1f} ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})")
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _results(out: Path, row: str) -> Path:
    return out / f"{row}-eval" / "txt_result"
