"""gammas: how the batch-norm gammas of a checkpoint or a sparse run are spread, and what a plan keeps, as charts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.channels.shortcuts import SHORTCUTS
from compress.option import Settings, option
from compress.text_table import aligned
from compress.verb import Answer, Verb
from deploy.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np


_WHAT = {"group": "what (one of them)", "exclusive": True}


@dataclass(frozen=True, kw_only=True)
class GammasSettings(Settings):
    source: str | None = option(
        None, metavar="CHECKPOINT|RUN", place=True, help="a checkpoint, a .pt, or a run's folder", **_WHAT
    )
    weights: str | None = option(None, metavar="CHECKPOINT|RUN", help="the same, as other verbs name it", **_WHAT)
    plan: str | None = option(
        None, metavar="FILE", help="chart what this plan keeps and removes (default: the one beside the checkpoint)"
    )
    shortcuts: str = option(
        "group",
        choices=SHORTCUTS,
        help="count the gammas of channels that additions unite, or leave them out",
    )
    protect: tuple[str, ...] = option(
        (),
        many=True,
        metavar="PATTERN",
        help="leave out the layers that match, such as 'model.0.*'; may be given several times",
    )
    out: str = option("runs/gammas", metavar="DIR", help="where the PNGs go")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.source and not self.weights:
            raise UsageError("neither CHECKPOINT nor --weights is given: expected a checkpoint or a run's folder")


def gammas(settings: GammasSettings) -> Answer:
    from compress.prune.plan import read_plan
    from compress.report.gamma_charts import epochs_chart, gamma_chart
    from compress.report.keep_chart import keep_chart
    from compress.train.gamma_log import read_gamma_log
    from deploy.results.folder import check_room, result_folder
    from deploy.results.ours import Maker, check_apart

    source, out = Path(settings.source or settings.weights or ""), Path(settings.out)
    maker = Maker("gammas", "folder of charts", made_before=lambda folder: (folder / "gammas.png").is_file())
    check_room(out.absolute(), maker)
    check_apart(out, [source, *([Path(settings.plan)] if settings.plan else [])])
    checkpoint = _checkpoint(source)
    found = _absolute(checkpoint, settings.shortcuts, settings.protect)
    beside = checkpoint.with_suffix(".plan.json")
    plan_file = Path(settings.plan) if settings.plan else beside if beside.is_file() else None
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
    return Answer({"files": files, "layers": rows}, "\n".join([_table(rows), *files]))


def _checkpoint(source: Path) -> Path:
    if not source.is_dir():
        return source
    last = source / "weights" / "last.safetensors"
    if not last.is_file():
        raise DataError(f"{source}: no run with a checkpoint, expected the file {last}")
    return last


def _absolute(checkpoint: Path, shortcuts: str, patterns: Sequence[str]) -> dict[str, np.ndarray]:
    """|gamma| by layer, of the channels that can be removed."""
    from compress.channels.prunable_gammas import prunable_gammas
    from compress.nets.weights import open_weights

    model, _ = open_weights(checkpoint)
    found = prunable_gammas(model, shortcuts, patterns)
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


VERB = Verb("gammas", "charts of the batch-norm gammas, layer by layer and over a run's epochs", GammasSettings, gammas)
