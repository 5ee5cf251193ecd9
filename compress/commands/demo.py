"""demo: the whole way on what comes with the project."""

from __future__ import annotations

import argparse
from pathlib import Path

from compress.commands.declare import Verbs, answer, verb


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "demo", demo, "the whole way on data and a model that come with the project")
    parser.add_argument("--out", default="demo", metavar="DIR", help="working folder (default: %(default)s)")
    parser.add_argument("--images", type=int, default=400, help="images to draw (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=12, help="epochs of fine-tuning (default: %(default)s)")
    parser.add_argument("--percent", type=float, default=0.5, help="share of channels to remove (default: %(default)s)")


def demo(options: argparse.Namespace) -> None:
    from compress.chain.demo import run_demo
    from compress.report.comparison import COLUMNS, text_table

    rows = run_demo(options.compress, Path(options.out), options.images, options.epochs, options.percent)
    models = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    answer(options, {"models": models}, text_table(rows))
