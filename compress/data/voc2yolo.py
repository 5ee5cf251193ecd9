"""A Pascal VOC devkit becomes a YOLO data set: images linked, boxes as centre and size in fractions, data.yaml and a
list file for training and for validation.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from compress.data.data_yaml import SPLITS
from compress.data.image_size import image_header, image_size
from compress.data.out_folder import built_whole, link_or_copy
from compute_mAP.class_names import name_fault
from compute_mAP.exif_frame import FRAMES, STORED, TURNED, UNKNOWN, frame_of, turned
from compute_mAP.image_file import IMAGE_SUFFIXES, image_file, image_files
from compute_mAP.voc_devkit import Year, find_devkit, find_year, read_image_set
from compute_mAP.voc_xml import Annotation, Object, read_annotation
from deploy.errors import DataError, UsageError
from deploy.results.ours import check_apart
from deploy.wording import shortened

MAKER = "compress data voc2yolo"
LISTS = {"train": "yolov5_train.txt", "val": "yolov5_val.txt"}


@dataclass
class ConversionReport:
    """What a conversion did: images per split, objects per class (of all splits), and what was wrong with the input.

    `problems` holds a sentence for everything that was left out or changed, `notes` what else is worth knowing.
    """

    out: Path
    names: list[str]
    images: dict[str, int] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Image:
    """One image of a split: its file, its real size and its annotation."""

    file: Path
    width: int
    height: int
    annotation: Annotation


def voc2yolo(
    devkit: Path | str,
    out: Path | str,
    names: Sequence[str] | None = None,
    year: str | None = None,
    splits: Sequence[str] = SPLITS,
    ratio: float | None = None,
    seed: int = 0,
    skip_difficult: bool = False,
    exif_boxes: str | None = None,
) -> ConversionReport:
    """Write `out`/images/<split>/*.jpg, `out`/labels/<split>/*.txt and `out`/data.yaml from a VOC devkit.

    Images may be PNG, BMP, WEBP or TIFF too, with suffixes in any case; they stay what they are.

    The split called "train" is the image set ImageSets/Main/train.txt, and so on. With `ratio` (between 0 and 1) the
    image sets are left alone, and that share of all annotated images, drawn with `seed`, is for training, the rest
    for validation. The lists yolov5_train.txt and yolov5_val.txt name the images, one a line.

    `names` gives the classes in the
    order of their numbers; without it they are all classes of the chosen splits in alphabetical order. Boxes become
    cx = (x0 + x1) / 2 / W and w = (x1 - x0) / W with the image's real size; VOC counts pixels from 1, but taking
    1 off, as darknet's converter does, shifts every box against the detector's own pixels. Difficult objects count
    unless `skip_difficult`.

    The labels lie in the images as they are shown. Where an image's EXIF orientation turns it, the size in its
    annotation says whether the boxes are in that frame or on the stored pixels, and those are turned. Where the size
    does not say it, `exif_boxes` does, "turned" or "stored"; without it the image is left out.

    An image or an object that cannot be used is left out and named in the report. The images in `out` are hard
    links to the devkit's where the file system allows it. A former result in `out` is replaced at the end, when
    everything went well.

    Raises DataError for a devkit without the image sets, without one usable image in a split or without one object
    of the classes; UsageError for splits without train and val, for doubled names, and for an `out` that holds
    something else or overlaps the devkit.
    """
    if len(set(splits)) != len(splits) or set(splits) - set(SPLITS) or not {"train", "val"} <= set(splits):
        raise UsageError(f"splits {', '.join(splits)}: expected train and val, and test where wanted")
    if names is not None and (not names or name_fault(names)):
        raise UsageError(f"class names {', '.join(names) or 'of length 0'}: expected at least one, each once")
    if exif_boxes not in (None, *FRAMES):
        raise UsageError(f"the frame of boxes is '{exif_boxes}', expected {' or '.join(FRAMES)}")
    if ratio is not None and not 0 < ratio < 1:
        raise UsageError(f"the train ratio is {ratio:g}, expected a number between 0 and 1")
    kit = find_year(devkit, year)
    out = Path(out)
    report = ConversionReport(out, list(names or ()), notes=list(kit.notes))
    check_apart(out, [Path(devkit)], also_inside=True)
    with built_whole(out, MAKER, ("images", "labels", "data.yaml", *LISTS.values())) as work:
        wanted = _from_image_sets(devkit, kit, splits, report) if ratio is None else _drawn(kit, ratio, seed)
        images = _read(kit, wanted, report, skip_difficult, exif_boxes)
        there = {entry.name for split in images.values() for image in split for entry in image.annotation.objects}
        if names is None:
            report.names = sorted(there)
        if not there.intersection(report.names):
            what = f"no object of {shortened(report.names)}" if names else "no object"
            raise DataError(
                f"{kit.annotations}: {what} in the chosen splits; it has {shortened(sorted(there)) or 'none'}"
            )
        for split, of_split in images.items():
            _write_split(work, split, of_split, report)
        report.notes.extend(f"there is no object of class '{name}'" for name, n in report.objects.items() if not n)
        yaml_text = yaml.safe_dump(_data_yaml(report), sort_keys=False, allow_unicode=True)
        (work / "data.yaml").write_text(yaml_text, encoding="utf-8")
    return report


def _from_image_sets(
    devkit: Path | str, kit: Year, splits: Sequence[str], report: ConversionReport
) -> dict[str, tuple[Path, list[str]]]:
    """The file and the image names of each split."""
    wanted: dict[str, tuple[Path, list[str]]] = {}
    seen: dict[str, str] = {}
    for split in splits:
        set_file = find_devkit(devkit, kit.year, image_set="train").image_set_file.with_name(f"{split}.txt")
        if split == "test" and not os.path.lexists(set_file):
            report.notes.append(f"there is no {set_file}: the data set has no test split")
            continue
        image_set = read_image_set(set_file, (kit.images, kit.annotations))
        report.notes.extend(image_set.notes)
        doubled = [name for name in image_set.names if name in seen]
        if doubled:
            other = seen[doubled[0]]
            report.problems.append(f"{set_file}: {len(doubled)} images are in {other} too: {shortened(doubled)}")
        seen.update(dict.fromkeys(image_set.names, split))
        wanted[split] = set_file, image_set.names
    return wanted


def _drawn(kit: Year, ratio: float, seed: int) -> dict[str, tuple[Path, list[str]]]:
    """Train and val from all images that have an annotation; the same for the same names, ratio and seed."""
    names = sorted(file.stem for file in kit.annotations.glob("*.xml"))
    if len(names) < 2:
        raise DataError(
            f"{kit.annotations}: {len(names)} annotations, expected at least 2, for training and validation"
        )
    random.Random(seed).shuffle(names)
    count = min(max(round(ratio * len(names)), 1), len(names) - 1)
    parts = {"train": names[:count], "val": names[count:]}
    return {split: (kit.annotations, sorted(part)) for split, part in parts.items()}


def _read(
    kit: Year,
    wanted: Mapping[str, tuple[Path, list[str]]],
    report: ConversionReport,
    skip_difficult: bool,
    exif_boxes: str | None,
) -> dict[str, list[_Image]]:
    """Read every annotation and image size of the splits; what cannot be used goes into the report."""
    images: dict[str, list[_Image]] = {}
    for split, (source, names) in wanted.items():
        found = (_read_image(kit, source, name, report, skip_difficult, exif_boxes) for name in names)
        images[split] = [image for image in found if image]
        if not images[split]:
            raise DataError(f"{source}: no image can be used: {report.problems[-1]}")
    return images


def _read_image(
    kit: Year, source: Path, name: str, report: ConversionReport, skip_difficult: bool, exif_boxes: str | None
) -> _Image | None:
    xml = kit.annotations / f"{name}.xml"
    try:
        if not xml.exists():
            raise DataError(f"{source} lists {name!r}, but there is no annotation {xml}")
        annotation = read_annotation(xml)
        file = _image_file(kit, name, report)
        width, height = image_size(file)
        annotation = _as_shown(annotation, xml, file, exif_boxes, report)
    except DataError as fault:
        report.problems.append(f"{fault}; the image is left out")
        return None
    report.problems.extend(annotation.faults)
    claimed = f"{annotation.width}x{annotation.height}"
    # An annotation without a size reads as 0x0, and leaves nothing to disagree with.
    if claimed not in (f"{width}x{height}", "0x0"):
        report.problems.append(f"{xml}: says {claimed}, but {file} is {width}x{height}; the real size is used")
    if skip_difficult:
        easy = [entry for entry in annotation.objects if not entry.difficult]
        annotation = annotation._replace(objects=easy)
    return _Image(file, width, height, annotation)


def _image_file(kit: Year, name: str, report: ConversionReport) -> Path:
    """The file of an image, whatever its suffix. Raises DataError where there is none."""
    file = image_file(kit.images, name)
    if file is None:
        usual, *rare = IMAGE_SUFFIXES
        raise DataError(f"there is no image {kit.images / name}{usual}, nor one with {', '.join(rare)}")
    others = [other.name for other in image_files(kit.images, name) if other != file]
    if others:
        report.problems.append(f"{file} and {', '.join(others)} have one annotation; only the first is taken")
    return file


def _as_shown(
    annotation: Annotation, xml: Path, file: Path, exif_boxes: str | None, report: ConversionReport
) -> Annotation:
    """The annotation in the frame of the image as it is shown. Raises DataError where nothing says which it is in."""
    header = image_header(file)
    frame = frame_of(annotation, header) if header else TURNED
    if frame == UNKNOWN and annotation.objects:
        if exif_boxes is None:
            raise DataError(
                f"{xml}: the EXIF orientation {header.orientation if header else ''} turns {file}, and the size in the "
                "annotation does not tell whether its boxes lie on the turned image; --exif-boxes turned or stored does"
            )
        frame = exif_boxes
    if frame != STORED or header is None:
        return annotation
    report.problems.append(f"{xml}: annotated on the unturned pixels of {file}; its boxes are turned with the image")
    return turned(annotation, header)


def _write_split(work: Path, split: str, images: list[_Image], report: ConversionReport) -> None:
    (work / "images" / split).mkdir(parents=True)
    (work / "labels" / split).mkdir(parents=True)
    counts: Counter[str] = Counter(report.objects)
    unknown: Counter[str] = Counter()
    for image in images:
        lines = []
        for entry in image.annotation.objects:
            if entry.name not in report.names:
                unknown[entry.name] += 1
            elif line := _label(image, entry, report):
                counts[entry.name] += 1
                lines.append(line)
        link_or_copy(image.file, work / "images" / split / image.file.name)
        label_file = work / "labels" / split / f"{image.file.stem}.txt"
        label_file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if split in LISTS:
        listed = "".join(f"images/{split}/{image.file.name}\n" for image in images)
        (work / LISTS[split]).write_text(listed, encoding="utf-8")
    for name, count in sorted(unknown.items()):
        report.problems.append(f"{split}: {count} objects of class '{name}', which is not in the names, are left out")
    report.images[split] = len(images)
    report.objects = {name: counts[name] for name in report.names}


def _label(image: _Image, entry: Object, report: ConversionReport) -> str | None:
    """The line of the label file, or None when nothing of the box lies in the image."""
    x0, x1 = (min(max(x, 0), image.width) for x in (entry.x0, entry.x1))
    y0, y1 = (min(max(y, 0), image.height) for y in (entry.y0, entry.y1))
    box = f"{image.file.name}: the {entry.name} box {entry.x0:g} {entry.y0:g} {entry.x1:g} {entry.y1:g}"
    if x1 <= x0 or y1 <= y0:
        report.problems.append(f"{box} has no area in the image and is left out")
        return None
    if (x0, y0, x1, y1) != (entry.x0, entry.y0, entry.x1, entry.y1):
        report.problems.append(f"{box} reaches out of the image and is clipped")
    centre = (x0 + x1) / 2 / image.width, (y0 + y1) / 2 / image.height
    size = (x1 - x0) / image.width, (y1 - y0) / image.height
    return " ".join([str(report.names.index(entry.name)), *(f"{value:.6f}" for value in (*centre, *size))])


def _data_yaml(report: ConversionReport) -> dict[str, object]:
    """Relative paths only, so that the folder can be moved as a whole."""
    return {split: f"images/{split}" for split in report.images} | {
        "nc": len(report.names),
        "names": dict(enumerate(report.names)),
    }
