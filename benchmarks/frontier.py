"""What pruning costs and what recovers it: trains the rows of `recipes/frontier-*.yaml`, scores them, and draws them.

    python benchmarks/frontier.py VOCDEVKIT NAMES yolov5n.pt OUT [--rows ROW,ROW] [--set NAME=VALUE] [--only-table]
    python benchmarks/frontier.py VOCDEVKIT NAMES yolov8n OUT [--rows ROW,ROW] [--set NAME=VALUE] [--only-table]

The second form begins with an architecture's random weights (`recipes/frontier-scratch-*.yaml`).

Interrupted, it goes on where it was when called again with the same OUT. The table says for every row what it has more
than `long`, `once` and `half`, with paired bootstrap intervals over the test images; OUT/frontier.png is mAP@0.5:0.95
against FLOPs. Scores are COCO's protocol on the test set, float numerics.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not this folder, which has a compress.py of its own

from benchmarks.bundle_rows import markdown, read_rows  # noqa: E402
from compress.cli import main as compress  # noqa: E402
from deploy.console import exit_code  # noqa: E402
from deploy.errors import ReportedError  # noqa: E402

ROWS = (
    "dense",
    "long",
    "once",
    "sparse",
    "planned",
    "half",
    "slimming",
    "slimming-blocks",
    "sparse50",
    "planned50",
    "gamma50",
    "l2-50",
    "group50",
    "taylor50",
    "taylor50-taught",
    "flops30-score",
    "flops30",
    "flops30-floor",
    "flops30-steps",
    "flops30-reconstructed",
    "flops30-taught",
)
FROM_SCRATCH = ("scratch-long", "scratch-taylor50", "scratch-taylor50-taught", "scratch-half")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("devkit", type=Path, metavar="VOCDEVKIT")
    parser.add_argument("names", type=Path, metavar="NAMES", help="class names, one a line")
    parser.add_argument("start", metavar="START", help="COCO's YOLOv5n (a .pt), or an architecture such as yolov8n")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--rows", help="of the recipes (default: all)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable of the recipes")
    parser.add_argument("--only-table", action="store_true", help="train nothing, show the rows that are done")
    options = parser.parse_args()
    known = ROWS if Path(options.start).suffix else FROM_SCRATCH
    rows = options.rows.split(",") if options.rows else known
    unknown = sorted(set(rows) - set(known))
    if unknown:
        parser.error(f"there is no row {unknown[0]}, expected some of {', '.join(known)}")
    return exit_code(lambda: _run([row for row in known if row in rows], options))


def _run(rows: list[str], options: argparse.Namespace) -> None:
    if not options.only_table:
        for row in rows:
            _train(row, options)
    done = read_rows(options.out, rows, options.devkit, options.names)
    against = [row for row in rows if row.removeprefix("scratch-") in ("long", "once", "half")]
    print(markdown(options.out, done, against, options.devkit, options.names))
    if done:
        _draw(done, options.out / "frontier.png")


def _train(row: str, options: argparse.Namespace) -> None:
    start = "cfg" if row in FROM_SCRATCH else "weights"
    given = {"voc": options.devkit, start: options.start, "names": options.names}
    words = [f"--set={name}={value}" for name, value in given.items()] + [f"--set={pair}" for pair in options.set]
    code = compress(["run", str(ROOT / f"benchmarks/recipes/frontier-{row}.yaml"), *words, "--out", str(options.out)])
    if code:
        raise KeyboardInterrupt if code == 130 else ReportedError(f"the row {row} ended with exit code {code}")


def _draw(done: dict[str, dict[str, Any]], file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set_xlim(0, 1.3e-9 * max(found["flops"] for found in done.values()))
    axes.set_ylim(0, 1.1 * max(found["map50_95"] for found in done.values()))
    placed: list[tuple[float, float]] = []
    for row, found in sorted(done.items(), key=lambda item: item[1]["map50_95"]):
        point = found["flops"] / 1e9, found["map50_95"]
        axes.plot(*point, "o", color="tab:blue")
        x, y = axes.transData.transform(point)
        for other in placed:  # names of points that lie close are stacked
            if abs(other[0] - x) < 200 and other[1] + 18 - y >= 0:
                y = max(y, other[1] + 18)
        placed.append((x, y))
        name = axes.transData.inverted().transform((x + 12, y))
        axes.annotate(row, point, xytext=name, textcoords="data", va="center", fontsize=9)
    best, front = 0.0, []
    for found in sorted(done.values(), key=lambda one: one["flops"]):
        if found["map50_95"] > best:
            best = found["map50_95"]
            front.append((found["flops"] / 1e9, best))
    axes.plot(*zip(*front), color="tab:orange", label="frontier")
    axes.set_xlabel("GFLOPs an image")
    axes.set_ylabel("mAP@0.5:0.95")
    axes.legend()
    figure.savefig(file)


if __name__ == "__main__":
    sys.exit(main())
