"""gammas: how the batch-norm gammas of a checkpoint or a sparse run are spread, and what a plan keeps, as charts."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.commands.declare import Verbs, answer, verb
from compress.text_table import aligned
from deploy.errors import DataError

if TYPE_CHECKING:
    import numpy as np


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "gammas", gammas, "charts of the batch-norm gammas, layer by layer and over a run's epochs")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("source", nargs="?", metavar="CHECKPOINT|RUN", help="a checkpoint, a .pt, or a run's folder")
    which.add_argument("--weights", metavar="CHECKPOINT|RUN", help="the same, as other verbs name it")
    parser.add_argument(
        "--plan", metavar="FILE", help="chart what this plan keeps and removes (default: the one beside the checkpoint)"
    )
    parser.add_argument(
        "--shortcuts",
        choices=("group", "keep"),
        default="group",
        help="count the gammas of channels that additions unite, or leave them out (default: %(default)s)",
    )
    parser.add_argument("--out", default="runs/gammas", metavar="DIR", help="where the PNGs go (default: %(default)s)")


def gammas(options: argparse.Namespace) -> None:
    from compress.prune.plan import read_plan
    from compress.report.gamma_charts import epochs_chart, gamma_chart
    from compress.report.keep_chart import keep_chart
    from compress.train.gamma_log import read_gamma_log
    from deploy.results.folder import check_room, result_folder
    from deploy.results.ours import Maker, check_apart

    source, out = Path(options.source or options.weights), Path(options.out)
    charts = ("gammas.png", "epochs.png", "keep.png")
    maker = Maker("gammas", "folder of charts", charts, lambda folder: (folder / charts[0]).is_file())
    check_room(out.absolute(), maker)
    check_apart(out, [source, *([Path(options.plan)] if options.plan else [])])
    checkpoint = _checkpoint(source)
    found = _absolute(checkpoint, options.shortcuts)
    beside = checkpoint.with_suffix(".plan.json")
    plan_file = Path(options.plan) if options.plan else beside if beside.is_file() else None
    plan = read_plan(plan_file) if plan_file else None
    log = source / "gammas.jsonl"
    epochs = read_gamma_log(log) if log.is_file() else []
    with result_folder(out.absolute(), maker) as folder:
        gamma_chart(found, str(source), folder / "gammas.png")
        if epochs:
            epochs_chart(epochs, _rates(source), str(source), folder / "epochs.png")
        if plan:
            keep_chart(plan, str(plan_file), folder / "keep.png")
        files = [str(out / name) for name in sorted(file.name for file in folder.iterdir())]
    rows = [_row(name, values) for name, values in found.items()]
    answer(options, {"files": files, "layers": rows}, "\n".join([_table(rows), *files]))


def _checkpoint(source: Path) -> Path:
    if not source.is_dir():
        return source
    last = source / "weights" / "last.safetensors"
    if not last.is_file():
        raise DataError(f"{source}: no run with a checkpoint, expected the file {last}")
    return last


def _absolute(checkpoint: Path, shortcuts: str) -> dict[str, np.ndarray]:
    """|gamma| by layer, of the channels that can be removed."""
    from compress.channels.penalised import penalised
    from compress.nets.weights import open_weights

    model, _ = open_weights(checkpoint)
    found = penalised(model, shortcuts)
    return {name: values.detach().abs().numpy() for name, values in found.items()}


def _rates(run: Path) -> dict[int, float]:
    """The sparsity rate of each epoch that results.jsonl tells of."""
    file = run / "results.jsonl"
    rates: dict[int, float] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        try:
            row = json.loads(line)
            rates[int(row["epoch"])] = float(row["sr"])
        except (ValueError, KeyError, TypeError):
            continue  # a row of a dense run, or one that was cut short
    return rates


def _row(name: str, values: np.ndarray) -> dict[str, Any]:
    import numpy as np

    from compress.train.sparsity import NEAR_ZERO

    near = float((values < NEAR_ZERO).mean())
    low, middle, high = (round(float(v), 5) for v in (values.min(), np.median(values), values.max()))
    return {"layer": name, "channels": len(values), "near_zero": near, "min": low, "median": middle, "max": high}


def _table(rows: list[dict[str, Any]]) -> str:
    cells = [("layer", "channels", "near 0", "min", "median", "max")]
    for row in rows:
        numbers = (f"{row[key]:.4f}" for key in ("min", "median", "max"))
        cells.append((row["layer"], str(row["channels"]), f"{row['near_zero']:.1%}", *numbers))
    return aligned(cells)
