"""train, sparsify, finetune: one loop, three stages."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.commands.declare import Verbs, answer, side, verb
from deploy.errors import UsageError

if TYPE_CHECKING:
    from compress.nets.detector import Detector
    from compress.train.settings import TrainSettings

STAGES = {
    "train": "train a dense detector",
    "sparsify": "train with a sparsity penalty on the batch-norm gammas",
    "finetune": "train a pruned detector until it has recovered",
}


def add(verbs: Verbs) -> None:
    for stage, text in STAGES.items():
        parser = verb(verbs, stage, training, text)
        parser.set_defaults(stage=stage)
        _options(parser, stage)


def _options(parser: argparse.ArgumentParser, stage: str) -> None:
    source = "required" if stage == "finetune" else "default: start from random weights"
    parser.add_argument("--weights", metavar="FILE", help=f"a checkpoint, or a .pt of ultralytics ({source})")
    parser.add_argument(
        "--cfg",
        metavar="NAME",
        help="architecture where no weights are given: yolov5n, yolov8n, yolo11n, yolov5nu, ... or a YAML",
    )
    parser.add_argument("--epochs", type=int, default=100, help="(default: %(default)s)")
    common_options(parser)
    parser.add_argument("--project", default="runs", metavar="DIR", help="where run folders go (default: %(default)s)")
    parser.add_argument("--name", default=stage, help="the run's folder (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on with the unfinished run of that name")
    if stage == "sparsify":
        sparsity_options(parser)


def common_options(parser: argparse._ActionsContainer) -> None:
    """What every stage of training takes."""
    parser.add_argument("--data", required=True, metavar="FILE", help="the data set's data.yaml")
    parser.add_argument(
        "--batch-size", type=int, default=16, help="images a batch, of all processes together (default: %(default)s)"
    )
    parser.add_argument("--accumulate", type=int, default=1, help="batches a step (default: %(default)s)")
    parser.add_argument(
        "--imgsz", type=side, default=640, help="side of the square network input in pixels (default: %(default)s)"
    )
    parser.add_argument("--optimizer", default="sgd", choices=("sgd", "adam"), help="(default: %(default)s)")
    parser.add_argument(
        "--adam", dest="optimizer", action="store_const", const="adam", help="the same as --optimizer adam"
    )
    parser.add_argument("--lr0", type=float, default=0.01, help="learning rate at the start (default: %(default)s)")
    parser.add_argument(
        "--amp",
        default="auto",
        choices=("auto", "off", "bf16", "fp16"),
        help="mixed precision (default: fp16 on a GPU, none elsewhere)",
    )
    parser.add_argument(
        "--letterbox",
        default="mixed",
        choices=("mixed", "board", "grey"),
        help="pad images as the board does (top-left on green), with centred grey, or with grey in training and as "
        "the board in validation (default: %(default)s)",
    )
    parser.add_argument(
        "--close-mosaic",
        type=int,
        default=10,
        metavar="N",
        help="the last N epochs of a longer run see whole images (default: %(default)s)",
    )
    parser.add_argument(
        "--select",
        default="map",
        choices=("map", "f1"),
        help="what the best epoch is chosen by: 0.9 mAP@0.5:0.95 + 0.1 mAP@0.5, or the best F1 (default: %(default)s)",
    )
    parser.add_argument("--workers", type=int, default=1, help="loading processes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")


def sparsity_options(parser: argparse._ActionsContainer) -> None:
    """What a sparse run takes on top."""
    parser.add_argument(
        "--sr", type=_rate, default=0.001, help="sparsity rate, or auto to have it steered (default: %(default)s)"
    )
    parser.add_argument(
        "--target-share",
        type=float,
        default=0.5,
        metavar="X",
        help="with --sr auto: the share of gammas to bring near zero; the run ends when they stand apart from the "
        "others (default: %(default)s)",
    )
    parser.add_argument(
        "--sparsity", default="subgradient", choices=("subgradient", "proximal"), help="rule (default: %(default)s)"
    )
    parser.add_argument(
        "--shortcuts",
        choices=("group", "keep"),
        default="group",
        help="gammas of channels that additions unite: penalise them, or leave them alone where prune will keep them "
        "(default: %(default)s)",
    )


def _rate(text: str) -> float | str:
    return text if text == "auto" else float(text)


def settings_of(options: argparse.Namespace) -> TrainSettings:
    """The settings that the options say. Raises UsageError for one out of its range."""
    from compress.train.settings import TrainSettings

    sparsity: dict[str, Any] = {}
    if hasattr(options, "sr"):
        steered = options.sr == "auto"
        if steered and not 0.05 <= options.target_share <= 0.95:
            raise UsageError(f"--target-share is {options.target_share}, expected 0.05 to 0.95")
        sparsity = {
            "sr": 0.0 if steered else options.sr,
            "target_share": options.target_share if steered else 0.0,
            "sparsity": options.sparsity,
            "shortcuts": options.shortcuts,
        }
    same = ("data", "epochs", "batch_size", "accumulate", "imgsz", "optimizer", "lr0", "amp", "letterbox", "select")
    more = ("close_mosaic", "workers", "seed")
    return TrainSettings(**{key: getattr(options, key) for key in (*same, *more)}, **sparsity)


def training(options: argparse.Namespace) -> None:
    import torch

    from compress.train.loop import train
    from compress.train.run_folder import RunFolder
    from deploy.hashes import file_sha256

    settings = settings_of(options)
    torch.manual_seed(settings.seed)  # for layers that start from random weights
    model, history = _start(options)
    run = RunFolder(options.project, options.name, options.resume)
    source = options.weights or options.cfg
    run.inputs["weights"] = file_sha256(source) if Path(source).is_file() else source
    result = train(model, history, settings, run, options.stage)
    if result.metrics:
        found = {"best": str(result.best), "last": str(result.last), "stopped": result.stopped, **result.metrics}
        answer(options, found, str(result.best))


def _start(options: argparse.Namespace) -> tuple[Detector, list[dict[str, Any]]]:
    from compress.data.data_yaml import load_data_yaml
    from compress.nets.family import architecture, build
    from compress.nets.weights import open_weights

    names = load_data_yaml(options.data).names
    if options.weights:
        model, history = open_weights(options.weights)
        if options.stage == "train" and model.names != names:
            print(f"the head starts anew for the {len(names)} classes of {options.data}", file=sys.stderr)
            model = model.with_classes(names)
        return model, history
    if options.stage == "finetune":
        raise UsageError("--weights is missing: finetune needs the checkpoint of the stage before")
    if not options.cfg:
        raise UsageError("neither --weights nor --cfg is given: expected a checkpoint or an architecture to start from")
    return build(architecture(options.cfg, len(names)), names, options.imgsz), []
