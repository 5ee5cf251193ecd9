"""A Pascal VOC devkit becomes a YOLO data set: pictures linked, boxes as centre and size in fractions, data.yaml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from compress.data.data_yaml import SPLITS
from compress.data.out_folder import built_whole, link_or_copy
from compress.data.picture_size import picture_size
from compute_mAP.errors import DataError, UsageError
from compute_mAP.voc_devkit import Devkit, find_devkit, read_image_set
from compute_mAP.voc_xml import Annotation, Object, read_annotation
from compute_mAP.wording import shortened

MAKER = "compress data voc2yolo"


@dataclass
class ConversionReport:
    """What a conversion did: pictures per split, objects per class (of all splits), and what was wrong with the input.

    `problems` holds a sentence for everything that was left out or changed, `notes` what else is worth knowing.
    """

    out: Path
    names: list[str]
    images: dict[str, int] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Picture:
    """One picture of a split: its file, its real size and its annotation."""

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
) -> ConversionReport:
    """Write `out`/images/<split>/*.jpg, `out`/labels/<split>/*.txt and `out`/data.yaml from a VOC devkit.

    The split called "train" is the image set ImageSets/Main/train.txt, and so on. `names` gives the classes in the
    order of their numbers; without it they are all classes of the chosen splits in alphabetical order. Boxes become
    cx = (x0 + x1) / 2 / W and w = (x1 - x0) / W with the picture's real size; VOC counts pixels from 1, but taking
    1 off, as darknet's converter does, shifts every box against the detector's own pixels. Difficult objects count.

    A picture or an object that cannot be used is left out and named in the report. The pictures in `out` are hard
    links to the devkit's where the file system allows it. A former result in `out` is replaced at the end, when
    everything went well.

    Raises DataError for a devkit without the image sets, without one usable picture in a split or without one object
    of the classes; UsageError for splits without train and val, for doubled names, and for an `out` that holds
    something else.
    """
    if len(set(splits)) != len(splits) or set(splits) - set(SPLITS) or not {"train", "val"} <= set(splits):
        raise UsageError(f"splits {', '.join(splits)}: expected train and val, and test where wanted")
    if names is not None and (not names or len(set(names)) != len(names)):
        raise UsageError(f"class names {', '.join(names) or 'of length 0'}: expected at least one, each once")
    kit = find_devkit(devkit, year, image_set="train")
    out = Path(out)
    report = ConversionReport(out, list(names or ()), notes=list(kit.notes))
    with built_whole(out, MAKER, ("images", "labels", "data.yaml")) as work:
        pictures = _read(kit, splits, report)
        there = {entry.name for split in pictures.values() for picture in split for entry in picture.annotation.objects}
        if names is None:
            report.names = sorted(there)
        if not there.intersection(report.names):
            wanted = f"no object of {shortened(report.names)}" if names else "no object"
            raise DataError(
                f"{kit.annotations}: {wanted} in the chosen splits; it has {shortened(sorted(there)) or 'none'}"
            )
        for split, of_split in pictures.items():
            _write_split(work, split, of_split, report)
        report.notes.extend(f"there is no object of class '{name}'" for name, n in report.objects.items() if not n)
        yaml_text = yaml.safe_dump(_data_yaml(report), sort_keys=False, allow_unicode=True)
        (work / "data.yaml").write_text(yaml_text, encoding="utf-8")
    return report


def _read(kit: Devkit, splits: Sequence[str], report: ConversionReport) -> dict[str, list[_Picture]]:
    """Read every annotation and picture size of the splits; what cannot be used goes into the report."""
    pictures: dict[str, list[_Picture]] = {}
    seen: dict[str, str] = {}
    for split in splits:
        set_file = kit.image_set_file.with_name(f"{split}.txt")
        if split == "test" and not set_file.is_file():
            report.notes.append(f"there is no {set_file}: the data set has no test split")
            continue
        image_set = read_image_set(set_file)
        report.notes.extend(image_set.notes)
        doubled = [name for name in image_set.names if name in seen]
        if doubled:
            other = seen[doubled[0]]
            report.problems.append(f"{set_file}: {len(doubled)} pictures are in {other} too: {shortened(doubled)}")
        seen.update(dict.fromkeys(image_set.names, split))
        pictures[split] = [picture for name in image_set.names if (picture := _read_picture(kit, name, report))]
        if not pictures[split]:
            raise DataError(f"{set_file}: no picture can be used: {report.problems[-1]}")
    return pictures


def _read_picture(kit: Devkit, name: str, report: ConversionReport) -> _Picture | None:
    file = kit.images / f"{name}.jpg"
    xml = kit.annotations / f"{name}.xml"
    try:
        annotation = read_annotation(xml)
        width, height = picture_size(file)
    except DataError as fault:
        report.problems.append(f"{fault}; the picture is left out")
        return None
    report.problems.extend(annotation.faults)
    claimed = f"{annotation.width}x{annotation.height}"
    # An annotation without a size reads as 0x0, and leaves nothing to disagree with.
    if claimed not in (f"{width}x{height}", "0x0"):
        report.problems.append(f"{xml}: says {claimed}, but {file} is {width}x{height}; the real size is used")
    return _Picture(file, width, height, annotation)


def _write_split(work: Path, split: str, pictures: list[_Picture], report: ConversionReport) -> None:
    (work / "images" / split).mkdir(parents=True)
    (work / "labels" / split).mkdir(parents=True)
    counts: Counter[str] = Counter(report.objects)
    unknown: Counter[str] = Counter()
    for picture in pictures:
        lines = []
        for entry in picture.annotation.objects:
            if entry.name not in report.names:
                unknown[entry.name] += 1
            elif line := _label(picture, entry, report):
                counts[entry.name] += 1
                lines.append(line)
        link_or_copy(picture.file, work / "images" / split / picture.file.name)
        label_file = work / "labels" / split / f"{picture.file.stem}.txt"
        label_file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for name, count in sorted(unknown.items()):
        report.problems.append(f"{split}: {count} objects of class '{name}', which is not in the names, are left out")
    report.images[split] = len(pictures)
    report.objects = {name: counts[name] for name in report.names}


def _label(picture: _Picture, entry: Object, report: ConversionReport) -> str | None:
    """The line of the label file, or None when nothing of the box lies in the picture."""
    x0, x1 = (min(max(x, 0), picture.width) for x in (entry.x0, entry.x1))
    y0, y1 = (min(max(y, 0), picture.height) for y in (entry.y0, entry.y1))
    box = f"{picture.file.name}: the {entry.name} box {entry.x0:g} {entry.y0:g} {entry.x1:g} {entry.y1:g}"
    if x1 <= x0 or y1 <= y0:
        report.problems.append(f"{box} has no area in the picture and is left out")
        return None
    if (x0, y0, x1, y1) != (entry.x0, entry.y0, entry.x1, entry.y1):
        report.problems.append(f"{box} reaches out of the picture and is clipped")
    centre = (x0 + x1) / 2 / picture.width, (y0 + y1) / 2 / picture.height
    size = (x1 - x0) / picture.width, (y1 - y0) / picture.height
    return " ".join([str(report.names.index(entry.name)), *(f"{value:.6f}" for value in (*centre, *size))])


def _data_yaml(report: ConversionReport) -> dict[str, object]:
    """Relative paths only, so that the folder can be moved as a whole."""
    return {split: f"images/{split}" for split in report.images} | {
        "nc": len(report.names),
        "names": dict(enumerate(report.names)),
    }
