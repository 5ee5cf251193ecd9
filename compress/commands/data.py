"""data: make or convert data sets."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from compress.commands.declare import Verbs, answer, side, verb
from compute_mAP.class_names import read_names
from deploy.errors import DataError


def add(verbs: Verbs) -> None:
    data = verbs.add_parser("data", help="make or convert data sets", description="Make or convert data sets.")
    kinds = data.add_subparsers(title="data verbs", metavar="VERB", required=True)
    draw = verb(kinds, "codes", codes, "draw a VOC devkit of bar codes, QR codes and Data Matrix codes")
    draw.add_argument("--out", required=True, metavar="DIR", help="the VOCdevkit folder to write")
    draw.add_argument("--images", type=int, default=400, help="number of images (default: %(default)s)")
    draw.add_argument("--seed", type=int, default=0, help="the same seed draws the same bytes (default: %(default)s)")
    draw.add_argument(
        "--hardness",
        choices=("easy", "real"),
        default="easy",
        help="easy: flat labels, well to be seen; real: perspective, blur, noise, shadows, covered and tiny symbols "
        "(default: %(default)s, which the demo's model was trained on)",
    )
    draw.add_argument(
        "--size", type=_size, metavar="WxH", help="width and height of all images (default: each 320 to 640 pixels)"
    )
    draw.add_argument("--workers", type=int, default=1, help="drawing processes (default: %(default)s)")
    convert = verb(kinds, "voc2yolo", voc2yolo, "convert a VOC devkit to a YOLO data set")
    convert.add_argument("--voc", required=True, metavar="VOCDEVKIT", help="the VOCdevkit folder")
    convert.add_argument("--out", required=True, metavar="DIR", help="the data set folder to write, with a data.yaml")
    convert.add_argument("--names", metavar="FILE", help="class names, one a line (default: those in the annotations)")
    convert.add_argument("--year", help="the devkit's year, such as VOC2007")
    convert.add_argument(
        "--ratio",
        type=float,
        metavar="X",
        help="draw this share for training, the rest for validation, from all images",
    )
    convert.add_argument("--seed", type=int, default=0, help="of --ratio's draw (default: %(default)s)")
    convert.add_argument("--skip-difficult", action="store_true", help="leave out objects that are marked difficult")
    convert.add_argument(
        "--exif-boxes",
        choices=("turned", "stored"),
        help="where EXIF turns an image and the size in its annotation does not tell: its boxes lie on the turned "
        "image, or on the stored pixels (default: such images are left out)",
    )
    look = verb(kinds, "check", check, "look a data set over: faults, leaks between splits, tiny boxes, class balance")
    fit = verb(kinds, "anchors", anchors, "judge a model's anchors on a data set and find better ones")
    for parser in (look, fit):
        parser.add_argument("--data", required=True, metavar="FILE", help="the data set's data.yaml")
        parser.add_argument(
            "--imgsz", type=side, default=640, help="side of the square network input (default: %(default)s)"
        )
    model = fit.add_mutually_exclusive_group()
    model.add_argument("--cfg", default="yolov5n", metavar="NAME", help="architecture (default: %(default)s)")
    model.add_argument("--weights", metavar="FILE", help="or a checkpoint, or a .pt of YOLOv5")
    fit.add_argument("--seed", type=int, default=0, help="of k-means (default: %(default)s)")
    fit.add_argument("--force", action="store_true", help="find new anchors even where the old ones are good")
    fit.add_argument(
        "--out",
        metavar="FILE",
        help="write the model with its new anchors: a .yaml for --cfg, a .safetensors for --weights",
    )


def codes(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from compress.codes.make_codes import make_codes

    with tqdm(total=options.images, desc="images", file=sys.stderr, leave=False) as bar:
        report = make_codes(
            Path(options.out),
            options.images,
            options.seed,
            on_image=lambda _: bar.update(),
            hardness=options.hardness,
            size=options.size,
            workers=options.workers,
        )
    result = {"images": report.images, "objects": report.objects, "difficult": report.difficult}
    text = _counts(report.images, report.objects)
    answer(options, result, f"{text}\ndifficult: {report.difficult}" if report.difficult else text)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; expected WIDTHxHEIGHT such as 640x480")
    return int(width), int(height)


def voc2yolo(options: argparse.Namespace) -> None:
    from compress.data.data_yaml import SPLITS
    from compress.data.voc2yolo import voc2yolo as convert

    names = read_names(options.names) if options.names else None
    report = convert(
        Path(options.voc),
        Path(options.out),
        names=names,
        year=options.year,
        splits=("train", "val") if options.ratio is not None else SPLITS,
        ratio=options.ratio,
        seed=options.seed,
        skip_difficult=options.skip_difficult,
        exif_boxes=options.exif_boxes,
    )
    for problem in report.problems:
        print(f"warning: {problem}", file=sys.stderr)
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    answer(options, {"images": report.images, "objects": report.objects}, _counts(report.images, report.objects))


def check(options: argparse.Namespace) -> None:
    from dataclasses import asdict

    from compress.data.check import check as look
    from compress.data.data_yaml import load_data_yaml

    found = look(load_data_yaml(options.data), options.imgsz)
    answer(options, asdict(found), found.to_text())
    if found.errors:
        raise DataError(
            f"{options.data}: faults to mend before training: {len(found.errors)}, such as: {found.errors[0]}"
        )


def anchors(options: argparse.Namespace) -> None:
    import numpy as np

    from compress.data.anchors import GOOD, best_possible_recall, box_sizes, fitness, new_anchors
    from compress.data.data_yaml import load_data_yaml
    from compress.nets.anchor_files import read_anchors, write_anchors

    data = load_data_yaml(options.data)
    sizes = box_sizes(data.images("train"), len(data.names), options.imgsz)
    model = read_anchors(options.cfg, options.weights, data.names)
    old = np.array(model.anchors).reshape(-1, 2)
    recall = best_possible_recall(sizes, old)
    lines = [f"{len(sizes)} boxes at {options.imgsz} px", _anchor_line("anchors", old, recall, fitness(sizes, old))]
    result = {"boxes": len(sizes), "recall": recall, "fitness": fitness(sizes, old), "anchors": model.anchors}
    chosen = old
    if recall < GOOD or options.force:
        found = new_anchors(sizes, len(old), options.seed).round(1)
        better = best_possible_recall(sizes, found), fitness(sizes, found)
        lines.append(_anchor_line("by k-means", found, *better))
        chosen = found if better >= (recall, result["fitness"]) or options.force else old
        result |= {"new_recall": better[0], "new_fitness": better[1], "new_anchors": found.tolist()}
    kept = chosen is old
    lines.append("the anchors stay" if kept else "the new ones take their place")
    if options.out:
        write_anchors(model, chosen, options.out)
        lines.append(options.out)
    answer(options, {**result, "kept": kept, "out": options.out}, "\n".join(lines))


def _anchor_line(title: str, values: Any, recall: float, fit: float) -> str:
    pairs = ", ".join(f"{w:g}x{h:g}" for w, h in values)
    return f"{title}: best possible recall {recall:.4f}, fitness {fit:.3f}: {pairs}"


def _counts(images: dict[str, int], objects: dict[str, int]) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in images.items())
    return f"images: {counts}\nobjects: {', '.join(f'{name} {count}' for name, count in objects.items())}"
