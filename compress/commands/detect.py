"""detect: images and videos with boxes, from a checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path

from compress.commands.declare import Verbs, answer, verb
from compress.commands.opened import looking_options, opened
from deploy.errors import UsageError


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "detect", detect, "draw what a checkpoint finds in images and videos")
    looking_options(parser)
    parser.add_argument(
        "--source",
        required=True,
        action="append",
        metavar="PATH",
        help="an image, a video, or a folder of them; may be given several times",
    )
    parser.add_argument("--conf", type=float, default=0.4, help="least confidence, 0..1 (default: %(default)s)")
    parser.add_argument("--iou", type=float, default=0.5, help="overlap for NMS, 0..1 (default: %(default)s)")
    parser.add_argument(
        "--out", default="runs/detect", metavar="DIR", help="where they go; an older one becomes DIR.prev"
    )


def detect(options: argparse.Namespace) -> None:
    from compress.report.drawn import check_out, draw_all, sources_in

    for name in ("conf", "iou"):
        if not 0 <= getattr(options, name) <= 1:
            raise UsageError(f"--{name} is {getattr(options, name)}, expected 0 to 1")
    named = [Path(source) for source in options.source]
    check_out(Path(options.out), named)
    sources = sources_in(named)
    model, imgsz, letterbox = opened(options)
    report = draw_all(model, sources, Path(options.out), imgsz, letterbox, options.conf, options.iou)
    counts = ", ".join(f"{name} {count}" for name, count in report.objects.items() if count) or "none"
    text = f"images {report.images}, frames of videos {report.frames}; objects: {counts}\n{options.out}"
    result = {"out": options.out, "pictures": report.images, "frames": report.frames, "objects": report.objects}
    answer(options, {**result, "left_out": report.faults}, text)
