"""iterate: sparsify, prune and fine-tune as often as wanted."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from compress.chain.borrowed import Borrowed
from compress.commands import prune
from compress.commands.declare import Verbs, answer, verb
from compress.commands.training import common_options, sparsity_options
from compress.text_table import aligned
from deploy.errors import ReportedError, UsageError

_COLUMNS = ("round", "parameters", "FLOPs", "mAP@0.5", "mAP@0.5:0.95", "drop")


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "iterate", iterate, "sparsify, prune and fine-tune in rounds, and go on where it was left")
    parser.add_argument("--weights", required=True, metavar="FILE", help="the dense checkpoint to start from")
    parser.add_argument("--rounds", type=int, default=3, help="how often at most (default: %(default)s)")
    parser.add_argument(
        "--max-drop",
        type=float,
        metavar="X",
        help="end before the mAP@0.5:0.95 on val is more than X (0..1) below that of --weights",
    )
    parser.add_argument("--sparse-epochs", type=int, default=100, help="of each sparse run (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=100, help="of each fine-tuning (default: %(default)s)")
    parser.add_argument("--project", default="runs", metavar="DIR", help="where the folder goes (default: %(default)s)")
    parser.add_argument("--name", default="iterate", help="the folder of all rounds (default: %(default)s)")
    parser.add_argument(
        "--redo", action="store_true", help="do stages again whose options or inputs have changed, and what follows"
    )
    training = parser.add_argument_group("as train and sparsify have them")
    common_options(training)
    sparsity_options(training)
    # every option of pruning, whatever they are; --shortcuts, --data and --weights are one for all stages
    without = {"plan", "plan-only", "out", "json", "help"}
    parser.set_defaults(pruning=Borrowed(prune.add, "prune", parser, without))


def iterate(options: argparse.Namespace) -> None:
    from compress.chain.chain import Chain
    from compress.chain.verbs import line_of
    from compress.commands.training import settings_of

    if not 1 <= options.rounds <= 100:
        raise UsageError(f"--rounds is {options.rounds}, expected 1 to 100")
    if options.max_drop is not None and not 0 <= options.max_drop <= 1:
        raise UsageError(f"--max-drop is {options.max_drop}, expected 0 to 1")
    for epochs in (options.sparse_epochs, options.epochs):
        settings_of(argparse.Namespace(**{**vars(options), "epochs": epochs}))  # refuses what is out of range
    if not options.name or Path(options.name).name != options.name:
        raise UsageError(f"--name is '{options.name}', expected the name of one folder")
    chain = Chain(options.compress, Path(options.project) / options.name, options.redo)
    common, sparse, pruning = _stage_options(options)
    options.pruning.check([*line_of(pruning), "--weights=1", "--out=1"])
    letterbox = "grey" if options.letterbox == "grey" else "board"
    start = chain.stage(
        "start",
        "val",
        {"weights": options.weights, "data": options.data, "imgsz": options.imgsz, "letterbox": letterbox},
    )
    kept, stopped = options.weights, ""
    rounds: list[dict[str, Any]] = []
    for number in range(1, options.rounds + 1):
        thin = chain.stage(f"round{number}-sparse", "sparsify", {"weights": kept, **common, **sparse})
        slim = chain.stage(f"round{number}-pruned", "prune", {"weights": thin["best"], **pruning})
        tuned = chain.stage(
            f"round{number}-tuned", "finetune", {"weights": slim["weights"], **common, "epochs": options.epochs}
        )
        row = {"round": number, "weights": tuned["best"], **slim["after"]}
        row.update({key: tuned[key] for key in ("map50", "map50_95")}, drop=start["map50_95"] - tuned["map50_95"])
        if options.max_drop is not None and row["drop"] > options.max_drop:
            stopped = f"round {number} loses {row['drop']:.4f}, more than --max-drop {options.max_drop}"
            if not rounds:
                raise ReportedError(f"{stopped}; its model is {row['weights']}")
            break
        rounds.append(row)
        kept = tuned["best"]
    lines = [_table(start, rounds), *([f"{stopped}: the round before it counts"] if stopped else []), kept]
    result = {"weights": kept, "start": {key: start[key] for key in ("map50", "map50_95")}, "rounds": rounds}
    answer(
        options, {**result, "stopped": stopped, **{k: rounds[-1][k] for k in ("map50", "map50_95")}}, "\n".join(lines)
    )


def _stage_options(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What goes to every training, to sparse ones on top, and to prune."""
    given = {key.replace("_", "-"): value for key, value in vars(options).items()}
    names = ("data", "batch-size", "accumulate", "imgsz", "optimizer", "lr0", "amp", "letterbox", "close-mosaic")
    common = {name: given[name] for name in (*names, "select", "workers", "seed")}
    sparse = {name: given[name] for name in ("sr", "target-share", "sparsity", "shortcuts")}
    pruning = {**options.pruning.given(options), "shortcuts": options.shortcuts}
    if pruning.get("score") == "taylor":
        pruning["data"] = options.data
    return common, {**sparse, "epochs": options.sparse_epochs}, pruning


def _table(start: dict[str, Any], rounds: list[dict[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = [("start", "", "", f"{start['map50']:.3f}", f"{start['map50_95']:.3f}", "")]
    for row in rounds:
        cost = f"{row['parameters'] / 1e6:.3f} M", f"{row['flops'] / 1e9:.3f} G"
        rows.append((str(row["round"]), *cost, *(f"{row[key]:.3f}" for key in ("map50", "map50_95", "drop"))))
    return aligned([_COLUMNS, *rows], left=())
