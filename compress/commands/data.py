"""data: make or convert data sets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compress.commands.printing import say
from compress.option import Settings, again, option
from compress.out_file import check_out_file
from compress.train.settings import TrainSettings, network_side
from compress.verb import Answer, Verb
from compute_mAP.class_names import read_names
from deploy.errors import DataError, UsageError

DEFAULT_CFG = "yolov5n"


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise UsageError(f"{text!r} is no size; expected WIDTHxHEIGHT such as 640x480")
    return int(width), int(height)


@dataclass(frozen=True, kw_only=True)
class CodesSettings(Settings):
    out: str = option(metavar="DIR", help="the VOCdevkit folder to write")
    images: int = option(400, help="number of images")
    seed: int = option(0, help="the same seed draws the same bytes")
    hardness: str = option(
        "easy",
        choices=("easy", "real"),
        help="easy: flat labels in plain sight; real: perspective, blur, noise, shadows, covered and tiny symbols "
        "(default: easy, which the demo's model was trained on)",
    )
    size: tuple[int, int] | None = option(
        None, kind=_size, metavar="WxH", help="width and height of all images (default: each 320 to 640 pixels)"
    )
    workers: int = option(1, help="drawing processes")


@dataclass(frozen=True, kw_only=True)
class Voc2yoloSettings(Settings):
    voc: str = option(metavar="VOCDEVKIT", help="the VOCdevkit folder")
    out: str = option(metavar="DIR", help="the data set folder to write, with a data.yaml")
    names: str | None = option(None, metavar="FILE", help="class names, one a line (default: those in the annotations)")
    year: str | None = option(None, help="the devkit's year, such as VOC2007")
    ratio: float | None = option(
        None,
        kind=float,
        metavar="X",
        help="draw this share for training, the rest for validation, from all images",
    )
    seed: int = option(0, help="of --ratio's draw")
    skip_difficult: bool = option(False, help="leave out objects that are marked difficult")
    exif_boxes: str | None = option(
        None,
        choices=("turned", "stored"),
        help="where EXIF turns an image and the size in its annotation does not tell: its boxes lie on the turned "
        "image, or on the stored pixels (default: such images are left out)",
    )


@dataclass(frozen=True, kw_only=True)
class CheckSettings(Settings):
    data: str = again(TrainSettings, "data")
    imgsz: int = option(640, kind=network_side, help="side of the square network input in pixels")


@dataclass(frozen=True, kw_only=True)
class AnchorsSettings(CheckSettings):
    cfg: str | None = option(
        None, metavar="NAME", help=f"architecture (default: {DEFAULT_CFG})", group="model", exclusive=True
    )
    weights: str | None = option(
        None, metavar="FILE", help="or a checkpoint, or a .pt of YOLOv5", group="model", exclusive=True
    )
    seed: int = option(0, help="of k-means")
    force: bool = option(False, help="find new anchors even where the old ones are good")
    out: str | None = option(
        None,
        metavar="FILE",
        help="write the model with its new anchors: a .yaml for --cfg, a .safetensors for --weights",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out and self.weights:
            check_out_file("--out", Path(self.out), ".safetensors", [self.data, self.weights])
        elif self.out:
            cfg = self.cfg if self.cfg and Path(self.cfg).suffix else None
            check_out_file("--out", Path(self.out), ".yaml", [self.data, cfg], "architecture", _architecture)


def _architecture(file: Path) -> object:
    from compress.nets.family import architecture

    return architecture(str(file), 1)


def codes(settings: CodesSettings) -> Answer:
    from compress.codes.make_codes import make_codes
    from compress.progress import progress

    with progress(total=settings.images, desc="images") as bar:
        report = make_codes(
            Path(settings.out),
            settings.images,
            settings.seed,
            on_image=lambda _: bar.update(),
            hardness=settings.hardness,
            size=settings.size,
            workers=settings.workers,
        )
    result = {"images": report.images, "objects": report.objects, "difficult": report.difficult}
    text = _counts(report.images, report.objects)
    return Answer(result, f"{text}\ndifficult: {report.difficult}" if report.difficult else text)


def voc2yolo(settings: Voc2yoloSettings) -> Answer:
    from compress.data.data_yaml import SPLITS
    from compress.data.voc2yolo import voc2yolo as convert

    names = read_names(settings.names) if settings.names else None
    report = convert(
        Path(settings.voc),
        Path(settings.out),
        names=names,
        year=settings.year,
        splits=("train", "val") if settings.ratio is not None else SPLITS,
        ratio=settings.ratio,
        seed=settings.seed,
        skip_difficult=settings.skip_difficult,
        exif_boxes=settings.exif_boxes,
    )
    for problem in report.problems:
        say(f"warning: {problem}")
    for note in report.notes:
        say(f"note: {note}")
    return Answer({"images": report.images, "objects": report.objects}, _counts(report.images, report.objects))


def check(settings: CheckSettings) -> Answer:
    from compress.data.check import check as look
    from compress.data.data_yaml import load_data_yaml

    found = look(load_data_yaml(settings.data), settings.imgsz)
    fault = None
    if found.errors:
        told = f"{len(found.errors)}, such as: {found.errors[0]}"
        fault = DataError(f"{settings.data}: faults to mend before training: {told}")
    return Answer(asdict(found), found.to_text(), fault)


def anchors(settings: AnchorsSettings) -> Answer:
    import numpy as np

    from compress.data.anchors import GOOD, best_possible_recall, box_sizes, fitness, new_anchors
    from compress.data.data_yaml import load_data_yaml
    from compress.nets.anchor_files import read_anchors, write_anchors

    data = load_data_yaml(settings.data)
    sizes = box_sizes(data.images("train"), len(data.names), settings.imgsz)
    model = read_anchors(settings.cfg or DEFAULT_CFG, settings.weights, data.names)
    old = np.array(model.anchors).reshape(-1, 2)
    recall, fit = (best_possible_recall(sizes, old), fitness(sizes, old)) if len(old) else (0.0, 0.0)
    first = _anchor_line("anchors", old, recall, fit) if len(old) else "the architecture has no anchors of its own yet"
    lines = [f"{len(sizes)} boxes at {settings.imgsz} px", first]
    result = {"boxes": len(sizes), "recall": recall, "fitness": fit, "anchors": model.anchors}
    chosen = old
    if recall < GOOD or settings.force:
        found = new_anchors(sizes, model.scales * model.each, settings.seed).round(1)
        better = best_possible_recall(sizes, found), fitness(sizes, found)
        lines.append(_anchor_line("by k-means", found, *better))
        chosen = found if better >= (recall, result["fitness"]) or settings.force else old
        result |= {"new_recall": better[0], "new_fitness": better[1], "new_anchors": found.tolist()}
    kept = chosen is old
    lines.append("the anchors stay" if kept else "the new ones take their place")
    if settings.out:
        write_anchors(model, chosen, settings.out)
        lines.append(settings.out)
    return Answer({**result, "kept": kept, "out": settings.out}, "\n".join(lines))


def _anchor_line(title: str, values: Any, recall: float, fit: float) -> str:
    pairs = ", ".join(f"{w:g}x{h:g}" for w, h in values)
    return f"{title}: best possible recall {recall:.4f}, fitness {fit:.3f}: {pairs}"


def _counts(images: dict[str, int], objects: dict[str, int]) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in images.items())
    return f"images: {counts}\nobjects: {', '.join(f'{name} {count}' for name, count in objects.items())}"


VERBS = (
    Verb("data codes", "draw a VOC devkit of bar codes, QR codes and Data Matrix codes", CodesSettings, codes),
    Verb("data voc2yolo", "convert a VOC devkit to a YOLO data set", Voc2yoloSettings, voc2yolo),
    Verb("data check", "find faults, leaks between splits, tiny boxes and rare classes", CheckSettings, check),
    Verb("data anchors", "judge a model's anchors on a data set and find better ones", AnchorsSettings, anchors),
)
