"""The commands of the edge side: detect, speed and eval, on the board and on the host alike; push and doctor."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compute_mAP.channels import open_closed_channels
from compute_mAP.terminal import plain_output
from deploy.board.cli import add_verbs
from deploy.console import exit_code, note
from deploy.errors import UsageError
from deploy.json_report import json_text
from deploy.run.options import EVAL, HOW, IMAGES
from deploy.run.target import Target
from deploy.video.source import video_source


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code: 0 done, 1 to 5 as deploy.errors says, 130 after Ctrl-C."""
    open_closed_channels()
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["host"]:  # what follows is the script's, none of ours
        from deploy.host.script import main as run_script

        return run_script(arguments[1:])
    with plain_output():
        options = _parser().parse_args(arguments)
        return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    report = options.command(options)
    text = json_text(report.to_json()) if options.json else report.to_text()
    if text:
        print(text, flush=True)
    options.afterwards(report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy",
        description="Run a detector through its pipeline file: on a board's MindX SDK, elsewhere on the host engine.",
        allow_abbrev=False,
    )
    parser.set_defaults(afterwards=lambda report: None)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    detect = _verb(verbs, "detect", "find objects in images and draw them into image_result", _detect)
    speed = _verb(verbs, "speed", "measure latency and images per second", _speed)
    detect.add_argument(
        "source",
        metavar="IMAGE_SET",
        help=IMAGES["source"].help + "; or a video file, camera:0, /dev/video0 or rtsp://...",
    )
    IMAGES["source"].add(speed, "source")
    for verb in (detect, speed):
        IMAGES["image_dir"].add(verb, "image_dir")
    evaluate = _verb(verbs, "eval", "write txt_result and score it against a Pascal VOC devkit", _evaluate)
    EVAL["devkit"].add(evaluate, "devkit")
    for name in ("year", "image-set", "protocol", "compare", "out", "resume", "ray"):
        EVAL[name.replace("-", "_")].add(evaluate, f"--{name}")
    for name in ("out", "resume"):
        EVAL[name].add(detect, f"--{name}")
    detect.add_argument("--boxes", action="store_true", help="write image_result/NAME.json beside each image too")
    detect.add_argument("--save", type=Path, metavar="FILE.mp4", help="of a video or camera: the frames with boxes")
    detect.add_argument("--show", action="store_true", help="of a video or camera: a window, until q is pressed")
    detect.add_argument("--frames", type=_count, metavar="N", help="of a video or camera: so many frames at most")
    add_verbs(verbs)
    _add_check(verbs)
    verbs.add_parser("host", help="run a script that was written for MindX SDK on the host engine")
    return parser


def _add_check(verbs: Any) -> None:
    text = "find what is wrong with pipelines, post-processor configs, label files and AIPP files"
    check: argparse.ArgumentParser = verbs.add_parser(
        "check", help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False
    )
    check.set_defaults(command=_check, afterwards=_after_check)
    check.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a file, or a folder with such files")
    check.add_argument(
        "--run-folder",
        type=Path,
        metavar="DIR",
        help="where the streams are to run (default: a bundle's own folder, else the current one)",
    )
    check.add_argument("--sdk", choices=("2.0.4",), help="find too what this version of MindX SDK does not know")
    check.add_argument(
        "--plugins",
        nargs="*",
        metavar="NAME",
        help="the app's own plugins: then any further factory that the SDK does not have is an error, not a warning",
    )
    check.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _verb(verbs: Any, name: str, text: str, command: Any) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False
    )
    verb.set_defaults(command=command)
    for name, option in HOW.items():
        option.add(verb, f"--{name.replace('_', '-')}")
    verb.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    return verb


def _target(options: argparse.Namespace) -> Target:
    how = (options.conf, options.iou, options.on, options.numerics, options.raw, options.trust, options.write_outside)
    return Target(options.model, options.pipeline, *how)


def _detect(options: argparse.Namespace) -> Any:
    lines = None if options.json else sys.stdout
    video = video_source(options.source) if options.image_dir is None else None
    if video is not None:
        from deploy.run.video.detect import watch
        from deploy.run.video.report import Outputs

        return watch(_target(options), video, Outputs(lines, options.save, options.show, options.frames))
    for option in ("save", "show", "frames"):
        if getattr(options, option):
            raise UsageError(f"--{option} is for a video file, a camera or a stream, not for {options.source}")
    from deploy.run.detect import detect

    source = Path(options.source)
    return detect(_target(options), source, options.image_dir, options.out, lines, options.boxes, options.resume)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:10]) == int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1 on")
    return int(text)


def _speed(options: argparse.Namespace) -> Any:
    from deploy.board.here import this_machine
    from deploy.run.speed import measure

    return measure(_target(options), options.source, options.image_dir, this_machine())


def _evaluate(options: argparse.Namespace) -> Any:
    from deploy.run.compare import compare
    from deploy.run.evaluate import evaluate

    how = (options.devkit, options.year, options.image_set, options.protocol, options.out, options.resume)
    if not options.compare:
        return evaluate(_target(options), *how, options.ray)
    if options.ray is not None:
        raise UsageError("--ray and --compare exclude each other: --compare runs the set six times on this machine")
    return compare(_target(options), *how)


def _check(options: argparse.Namespace) -> Any:
    from deploy.host.check.run import check

    return check(options.files, options.run_folder, options.sdk, options.plugins)


def _after_check(report: Any) -> None:
    report.raise_errors()
    note(report.summary())
