"""data: make or convert data sets."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from compress.commands.declare import Verbs, answer, verb
from compute_mAP.class_names import read_names


def add(verbs: Verbs) -> None:
    data = verbs.add_parser("data", help="make or convert data sets", description="Make or convert data sets.")
    kinds = data.add_subparsers(title="data verbs", metavar="VERB", required=True)
    draw = verb(kinds, "codes", codes, "draw a VOC devkit of bar codes, QR codes and Data Matrix codes")
    draw.add_argument("--out", required=True, metavar="DIR", help="the VOCdevkit folder to write")
    draw.add_argument("--images", type=int, default=400, help="number of pictures (default: %(default)s)")
    draw.add_argument("--seed", type=int, default=0, help="the same seed draws the same bytes (default: %(default)s)")
    convert = verb(kinds, "voc2yolo", voc2yolo, "convert a VOC devkit to a YOLO data set")
    convert.add_argument("--voc", required=True, metavar="VOCDEVKIT", help="the VOCdevkit folder")
    convert.add_argument("--out", required=True, metavar="DIR", help="the data set folder to write, with a data.yaml")
    convert.add_argument("--names", metavar="FILE", help="class names, one a line (default: those in the annotations)")
    convert.add_argument("--year", help="the devkit's year, such as VOC2007")


def codes(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from compress.data.codes.make_codes import make_codes

    with tqdm(total=options.images, desc="pictures", file=sys.stderr, leave=False) as bar:
        report = make_codes(Path(options.out), options.images, options.seed, on_picture=lambda _: bar.update())
    answer(options, {"images": report.images, "objects": report.objects}, _counts(report.images, report.objects))


def voc2yolo(options: argparse.Namespace) -> None:
    from compress.data.voc2yolo import voc2yolo as convert

    names = read_names(options.names) if options.names else None
    report = convert(Path(options.voc), Path(options.out), names=names, year=options.year)
    for problem in report.problems:
        print(f"warning: {problem}", file=sys.stderr)
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    answer(options, {"images": report.images, "objects": report.objects}, _counts(report.images, report.objects))


def _counts(images: dict[str, int], objects: dict[str, int]) -> str:
    pictures = ", ".join(f"{name} {count}" for name, count in images.items())
    return f"pictures: {pictures}\nobjects: {', '.join(f'{name} {count}' for name, count in objects.items())}"
