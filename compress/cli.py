"""The verbs of `python -m compress`. A stage is imported only when its verb runs: torch alone costs seconds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from compute_mAP.errors import ReportedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (0 done, 1 failed, 2 usage, 3 data, 4 model, 5 environment, 130 Ctrl-C)."""
    options = _parser().parse_args(arguments)
    try:
        from compress import verbs

        getattr(verbs, options.run)(options)
    except ReportedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("compress", "deploy", "compute_mAP"):
            raise
        print(
            f"error: the Python package {error.name} is missing: pip install 'ascend-yolo-slim[compress]'",
            file=sys.stderr,
        )
        return 5
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; a training goes on from its last whole epoch with --resume", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m compress", description="Compress a YOLO detector.")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _data(verbs)
    for name, text in (
        ("train", "train a dense detector"),
        ("sparsify", "train with a sparsity penalty on the batch-norm gammas"),
        ("finetune", "train a pruned detector until it has recovered"),
    ):
        _training(verbs.add_parser(name, help=text, description=f"{text.capitalize()}.", allow_abbrev=False), name)
    _prune(verbs)
    _export(verbs)
    demo = _verb(verbs, "demo", "demo", "the whole way on data and a model that come with the project")
    demo.set_defaults(compress=main)
    demo.add_argument("--json", action="store_true", help="print the result as one JSON object")
    demo.add_argument("--out", default="demo", metavar="DIR", help="working folder (default: %(default)s)")
    demo.add_argument("--images", type=int, default=400, help="pictures to draw (default: %(default)s)")
    demo.add_argument("--epochs", type=int, default=12, help="epochs of fine-tuning (default: %(default)s)")
    demo.add_argument("--percent", type=float, default=0.5, help="share of channels to remove (default: %(default)s)")
    return parser


def _verb(verbs: argparse._SubParsersAction, name: str, run: str, text: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    parser.set_defaults(run=run)
    return parser


def _data(verbs: argparse._SubParsersAction) -> None:
    data = verbs.add_parser("data", help="make or convert data sets", description="Make or convert data sets.")
    kinds = data.add_subparsers(title="data verbs", metavar="VERB", required=True)
    codes = _verb(kinds, "codes", "data_codes", "draw a VOC devkit of bar codes, QR codes and Data Matrix codes")
    codes.add_argument("--out", required=True, metavar="DIR", help="the VOCdevkit folder to write")
    codes.add_argument("--images", type=int, default=400, help="number of pictures (default: %(default)s)")
    codes.add_argument("--seed", type=int, default=0, help="the same seed draws the same bytes (default: %(default)s)")
    codes.add_argument("--json", action="store_true", help="print the result as one JSON object")
    convert = _verb(kinds, "voc2yolo", "data_voc2yolo", "convert a VOC devkit to a YOLO data set")
    convert.add_argument("--voc", required=True, metavar="VOCDEVKIT", help="the VOCdevkit folder")
    convert.add_argument("--out", required=True, metavar="DIR", help="the data set folder to write, with a data.yaml")
    convert.add_argument("--names", metavar="FILE", help="class names, one a line (default: those in the annotations)")
    convert.add_argument("--year", help="the devkit's year, such as VOC2007")
    convert.add_argument("--json", action="store_true", help="print the result as one JSON object")


def _training(parser: argparse.ArgumentParser, stage: str) -> None:
    parser.set_defaults(run="training", stage=stage)
    parser.add_argument("--data", required=True, metavar="FILE", help="the data set's data.yaml")
    source = "required" if stage == "finetune" else "default: start from random weights"
    parser.add_argument("--weights", metavar="FILE", help=f"a checkpoint, or a YOLOv5 .pt ({source})")
    parser.add_argument(
        "--cfg", metavar="NAME", help="architecture where no weights are given: yolov5n .. yolov5x or a YAML"
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
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    if stage == "sparsify":
        parser.add_argument("--sr", type=float, default=0.001, help="sparsity rate (default: %(default)s)")
        parser.add_argument(
            "--sparsity", default="subgradient", choices=("subgradient", "proximal"), help="rule (default: %(default)s)"
        )


def _prune(verbs: argparse._SubParsersAction) -> None:
    parser = _verb(verbs, "prune", "prune", "remove the channels with the smallest gammas")
    parser.add_argument("--weights", required=True, metavar="FILE", help="the checkpoint, or a YOLOv5 .pt")
    parser.add_argument(
        "--percent", type=float, default=0.5, help="share of channels to remove, 0..1 (default: %(default)s)"
    )
    parser.add_argument("--align", type=int, default=8, help="every count is a multiple of this (default: %(default)s)")
    parser.add_argument(
        "--no-fold",
        dest="fold",
        action="store_false",
        help="drop what removed channels emit at gamma 0 instead of folding it into the layers behind",
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="checkpoint to write; its plan goes beside it")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def _export(verbs: argparse._SubParsersAction) -> None:
    parser = _verb(verbs, "export", "export", "write the bundle that the host and the board run")
    parser.add_argument("--weights", required=True, metavar="FILE", help="a checkpoint, or a YOLOv5 .pt")
    parser.add_argument("--imgsz", type=int, help="side of the network input in pixels (default: as trained)")
    parser.add_argument("--out", required=True, metavar="BUNDLE", help="the bundle's folder")
    parser.add_argument("--names", metavar="FILE", help="class names, one a line, in place of those in the weights")
    parser.add_argument(
        "--images", metavar="DIR", help="JPEG pictures to prove the ONNX on (default: two of ultralytics')"
    )
    parser.add_argument("--soc", default="Ascend310", help="the chip, as ATC names it (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
