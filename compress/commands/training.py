"""train, sparsify, finetune: one loop, three stages."""

from __future__ import annotations

import argparse
import sys

from compress.commands.declare import Verbs, answer, verb
from compute_mAP.errors import UsageError

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
    parser.add_argument("--data", required=True, metavar="FILE", help="the data set's data.yaml")
    source = "required" if stage == "finetune" else "default: start from random weights"
    parser.add_argument("--weights", metavar="FILE", help=f"a checkpoint, or a YOLOv5 .pt ({source})")
    parser.add_argument(
        "--cfg",
        metavar="NAME",
        help="architecture where no weights are given: yolov5n, yolov8n, yolo11n, yolov5nu, ... or a YAML",
    )
    parser.add_argument("--epochs", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=16, help="pictures a step (default: %(default)s)")
    parser.add_argument(
        "--imgsz", type=int, default=640, help="side of the network input in pixels (default: %(default)s)"
    )
    parser.add_argument("--optimizer", default="sgd", choices=("sgd", "adam"), help="(default: %(default)s)")
    parser.add_argument(
        "--adam", dest="optimizer", action="store_const", const="adam", help="the same as --optimizer adam"
    )
    parser.add_argument("--lr0", type=float, default=0.01, help="learning rate at the start (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="loading processes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--project", default="runs", metavar="DIR", help="where run folders go (default: %(default)s)")
    parser.add_argument("--name", default=stage, help="the run's folder (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on with the unfinished run of that name")
    if stage == "sparsify":
        parser.add_argument("--sr", type=float, default=0.001, help="sparsity rate (default: %(default)s)")
        parser.add_argument(
            "--sparsity", default="subgradient", choices=("subgradient", "proximal"), help="rule (default: %(default)s)"
        )


def training(options: argparse.Namespace) -> None:
    import torch

    from compress.data.data_yaml import load_data_yaml
    from compress.nets.family import architecture, build
    from compress.nets.weights import open_weights
    from compress.train.loop import train
    from compress.train.run_folder import RunFolder
    from compress.train.settings import TrainSettings

    settings = TrainSettings(
        data=options.data,
        epochs=options.epochs,
        batch_size=options.batch_size,
        imgsz=options.imgsz,
        lr0=options.lr0,
        optimizer=options.optimizer,
        workers=options.workers,
        seed=options.seed,
        sr=getattr(options, "sr", 0.0),
        sparsity=getattr(options, "sparsity", "subgradient"),
    )
    names = load_data_yaml(options.data).names
    torch.manual_seed(settings.seed)  # for layers that start from random weights
    if options.weights:
        model, history = open_weights(options.weights)
        if options.stage == "train" and model.names != names:
            print(f"the head starts anew for the {len(names)} classes of {options.data}", file=sys.stderr)
            model = model.with_classes(names)
    elif options.stage != "finetune":
        if not options.cfg:
            raise UsageError(
                "neither --weights nor --cfg is given: expected a checkpoint or an architecture to start from"
            )
        model, history = build(architecture(options.cfg, len(names)), names, options.imgsz), []
    else:
        raise UsageError("--weights is missing: finetune needs the checkpoint of the stage before")
    result = train(model, history, settings, RunFolder(options.project, options.name, options.resume), options.stage)
    answer(
        options,
        {"best": str(result.best), "last": str(result.last), "epoch": result.epoch, **result.metrics},
        str(result.best),
    )
