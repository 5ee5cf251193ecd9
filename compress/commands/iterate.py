"""iterate: sparsify, prune and fine-tune as often as wanted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.commands import prune, training, val
from compress.option import again, option, options_of
from compress.stages.prune_settings import ChoiceSettings
from compress.stages.train import SparsitySettings
from compress.text_table import aligned
from compress.verb import Answer, Verb
from deploy.errors import ReportedError, UsageError

_COLUMNS = ("round", "parameters", "FLOPs", "mAP@0.5", "mAP@0.5:0.95", "drop")
_COMMON = (
    *("data", "batch-size", "accumulate", "imgsz", "optimizer", "lr0", "amp", "letterbox", "close-mosaic"),
    *("select", "workers", "seed"),
)
_SPARSE = ("sr", "target-share", "sparsity", "shortcuts")


@dataclass(frozen=True, kw_only=True)
class IterateSettings(ChoiceSettings, SparsitySettings):
    """Every option of sparse training and of choosing channels.

    `data`, `shortcuts` and `protect` are one for all stages.
    """

    weights: str = option(metavar="FILE", help="the dense checkpoint to start from")
    rounds: int = option(3, low=1, high=100, help="how often at most")
    max_drop: float | None = option(
        None,
        kind=float,
        low=0,
        high=1,
        metavar="X",
        help="end before the mAP@0.5:0.95 on val is more than X (0..1) below that of --weights",
    )
    sparse_epochs: int = again(SparsitySettings, "epochs", help="of each sparse run")
    epochs: int = again(SparsitySettings, "epochs", help="of each fine-tuning")
    project: str = option("runs", metavar="DIR", help="where the folder goes")
    name: str = option("iterate", help="the folder of all rounds")
    redo: bool = option(False, help="do stages again whose options or inputs have changed, and what follows")
    shortcuts: str = again(
        SparsitySettings, "shortcuts", help="channels that additions unite: penalise and prune them, or keep them"
    )

    protect: tuple[str, ...] = again(
        ChoiceSettings,
        "protect",
        help="neither penalise nor prune the layers that match, such as 'model.0.*'; may be given several times",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.name or Path(self.name).name != self.name or self.name in (".", ".."):
            raise UsageError(f"--name is '{self.name}', expected the name of one folder")


def iterate(settings: IterateSettings) -> Answer | None:
    from compress.chain.ranks import led

    return led(lambda: _iterate(settings), training.VERBS)


def _iterate(settings: IterateSettings) -> Answer:
    from compress.chain.chain import Chain

    verbs = (val.VERB, training.SPARSIFY, prune.VERB, training.FINETUNE)
    chain = Chain({verb.name: verb for verb in verbs}, Path(settings.project) / settings.name, settings.redo)
    common, sparse, pruning = _stage_options(settings)
    start = chain.stage("start", "val", _val_options(settings))
    kept, stopped = settings.weights, ""
    rounds: list[dict[str, Any]] = []
    for number in range(1, settings.rounds + 1):
        thin = chain.stage(f"round{number}-sparse", "sparsify", {"weights": kept, **common, **sparse})
        slim = chain.stage(f"round{number}-pruned", "prune", {"weights": thin["best"], **pruning})
        tuned = chain.stage(
            f"round{number}-tuned", "finetune", {"weights": slim["weights"], **common, "epochs": settings.epochs}
        )
        row = _row(number, start, slim, tuned)
        if settings.max_drop is not None and row["drop"] > settings.max_drop:
            stopped = f"round {number} loses {row['drop']:.4f}, more than --max-drop {settings.max_drop}"
            if not rounds:
                raise ReportedError(f"{stopped}; its model is {row['weights']}")
            break
        rounds.append(row)
        kept = tuned["best"]
    lines = [_table(start, rounds), *([f"{stopped}: the round before it counts"] if stopped else []), kept]
    scores = ("map50", "map50_95")
    result = {"weights": kept, "start": {key: start[key] for key in scores}, "rounds": rounds, "stopped": stopped}
    return Answer({**result, **{key: rounds[-1][key] for key in scores}}, "\n".join(lines))


def _val_options(settings: IterateSettings) -> dict[str, Any]:
    letterbox = "grey" if settings.letterbox == "grey" else "board"
    plain = {"weights": settings.weights, "data": settings.data, "imgsz": settings.imgsz}
    return {**plain, "letterbox": letterbox}


def _stage_options(settings: IterateSettings) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What goes to every training, to sparse ones on top, and, where it is not the default, to prune."""
    options = options_of(IterateSettings)
    common, sparse = ({name: getattr(settings, options[name].field) for name in names} for names in (_COMMON, _SPARSE))
    pruning: dict[str, Any] = {}
    for name, entry in options_of(ChoiceSettings).items():
        value = getattr(settings, entry.field)
        if value != entry.default:
            pruning[name] = True if entry.const is not None else list(value) if entry.many else value
    pruning["shortcuts"] = settings.shortcuts
    if settings.score == "taylor":
        pruning["data"] = settings.data
    if settings.protect:
        sparse["protect"] = pruning["protect"]
    return common, {**sparse, "epochs": settings.sparse_epochs}, pruning


def _row(number: int, start: dict[str, Any], slim: dict[str, Any], tuned: dict[str, Any]) -> dict[str, Any]:
    row = {"round": number, "weights": tuned["best"], **slim["after"]}
    row.update({key: tuned[key] for key in ("map50", "map50_95")}, drop=start["map50_95"] - tuned["map50_95"])
    return row


def _table(start: dict[str, Any], rounds: list[dict[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = [("start", "", "", f"{start['map50']:.3f}", f"{start['map50_95']:.3f}", "")]
    for row in rounds:
        cost = f"{row['parameters'] / 1e6:.3f} M", f"{row['flops'] / 1e9:.3f} G"
        rows.append((str(row["round"]), *cost, *(f"{row[key]:.3f}" for key in ("map50", "map50_95", "drop"))))
    return aligned([_COLUMNS, *rows], left=())


VERB = Verb("iterate", "sparsify, prune and fine-tune in rounds, and go on where it was left", IterateSettings, iterate)
