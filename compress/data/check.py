"""Looks a YOLO data set over before anyone trains on it: faults, leaks between splits, tiny boxes, class balance."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from compress.data.data_yaml import SPLITS, DataSet
from compress.data.image_size import LONGEST, image_header, image_size
from compress.data.labels import EDGE_TOLERANCE, label_path, read_labels
from compress.text_table import aligned
from compute_mAP.image_header import UPRIGHT
from compute_mAP.regular_file import read_regular
from deploy.errors import DataError
from deploy.wording import shortened

TINY = 8.0
"""Pixels of the network input: the stride of the finest head. A box with a shorter side than that covers no cell."""
RARE = 0.1
"""A class is rare with less than this share of the objects that the most frequent class has."""


@dataclass
class Check:
    """What a look at a data set found. `errors` spoil a training, `warnings` are worth a thought.

    `objects` counts by split and class, `images` by split; `tiny` counts boxes whose shorter side is below TINY pixels
    of the network input, by class; `sides` has quantiles of the shorter side in those pixels.
    """

    names: list[str]
    images: dict[str, int] = field(default_factory=dict)
    empty: dict[str, int] = field(default_factory=dict)
    objects: dict[str, dict[str, int]] = field(default_factory=dict)
    tiny: dict[str, int] = field(default_factory=dict)
    sides: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_text(self) -> str:
        splits = list(self.images)
        rows = [("class", *splits, f"under {TINY:g} px")]
        for name in self.names:
            rows.append((name, *(str(self.objects[split][name]) for split in splits), str(self.tiny.get(name, 0))))
        rows.append(("images", *(str(self.images[split]) for split in splits), ""))
        rows.append(("without objects", *(str(self.empty[split]) for split in splits), ""))
        lines = [aligned(rows)]
        if self.sides:
            quantiles = ", ".join(f"{key} {value:.0f}" for key, value in self.sides.items())
            lines.append(f"shorter side in pixels of the network input: {quantiles}")
        lines += [f"warning: {sentence}" for sentence in self.warnings]
        lines += [f"error: {sentence}" for sentence in self.errors]
        return "\n".join(lines)


def check(data: DataSet, imgsz: int) -> Check:
    """Read every image and label file of the data set; `imgsz` is the side of the network input in pixels.

    Raises DataError where a split is missing or empty; what is wrong with single files is in the result.
    """
    found = Check(data.names)
    hashes: dict[str, tuple[str, Path]] = {}
    owners: dict[Path, Path] = {}
    sides: list[np.ndarray] = []
    tiny: Counter[str] = Counter()
    for split in SPLITS:
        if split == "test" and split not in data.sources:
            continue
        images = data.images(split)
        counts: Counter[int] = Counter()
        found.images[split], found.empty[split] = len(images), 0
        beyond: list[str] = []
        exif: list[str] = []
        for image in images:
            rows = _rows(image, len(data.names), found)
            _note_shared_label(image, owners, found)
            _note_copy(image, split, hashes, found)
            if rows is None:
                continue
            labels, shorter = rows
            beyond.extend(f"{label_path(image).name}: {edge}" for edge in _beyond_edges(labels))
            if len(labels) and (header := image_header(image)) and header.orientation != UPRIGHT:
                exif.append(image.name)
            found.empty[split] += not len(labels)
            counts.update(labels[:, 0].astype(int).tolist())
            pixels = shorter * imgsz
            tiny.update(data.names[int(c)] for c in labels[pixels < TINY, 0])
            sides.append(pixels)
        found.objects[split] = {name: counts[i] for i, name in enumerate(data.names)}
        found.warnings.extend(_lonely_labels(images, split))
        if beyond:
            found.warnings.append(f"{split}: {len(beyond)} boxes reach beyond their image: {shortened(beyond)}")
        if exif:
            found.warnings.append(
                f"{split}: {len(exif)} images are turned by their EXIF orientation, and their labels are taken as "
                f"fractions of the turned image, so look whether they lie right there: {shortened(exif)}"
            )
    found.tiny = dict(tiny)
    _judge(found, np.concatenate(sides) if sides else np.empty(0))
    return found


def _rows(image: Path, classes: int, found: Check) -> tuple[np.ndarray, np.ndarray] | None:
    """The labels [n, 5] and each box's shorter side as a fraction of the letterboxed image, or None for a fault."""
    try:
        width, height = image_size(image)
        labels = read_labels(image, classes)
    except DataError as fault:
        found.errors.append(str(fault))
        return None
    long = max(width, height)
    sides = labels[:, 3:5] * np.array([width / long, height / long], np.float32)
    return labels, sides.min(axis=1) if len(sides) else np.empty(0, np.float32)


def _beyond_edges(labels: np.ndarray) -> Iterator[str]:
    """For each box that reaches beyond the image: the edge that it passes farthest, and where it ends."""
    for label, cx, cy, w, h in labels.tolist():
        ends = {"left": cx - w / 2, "top": cy - h / 2, "right": cx + w / 2, "bottom": cy + h / 2}
        over = {edge: max(-end, end - 1) for edge, end in ends.items()}
        edge = max(over, key=lambda name: over[name])
        if over[edge] > EDGE_TOLERANCE:
            yield f"class {int(label)} {cx:g} {cy:g} {w:g} {h:g} ends at {ends[edge]:.3f}, {edge} of the image"


def _note_shared_label(image: Path, owners: dict[Path, Path], found: Check) -> None:
    """a.jpg and a.png have one label file, which can be right for one of them only."""
    file = label_path(image)
    first = owners.setdefault(file, image)
    if first != image:
        found.warnings.append(f"{first.name} and {image.name} share one label file, {file}")


def _note_copy(image: Path, split: str, hashes: dict[str, tuple[str, Path]], found: Check) -> None:
    """An image that is in another split too teaches the very thing that the split is to test."""
    try:
        digest = hashlib.sha256(read_regular(image, "image", LONGEST)).hexdigest()
    except DataError:
        return  # already an error
    other, first = hashes.setdefault(digest, (split, image))
    if first == image:
        return
    if other == split:
        found.warnings.append(f"{image} is a copy of {first}, in the same split {split}")
    else:
        found.errors.append(f"{image} of {split} is a copy of {first} of {other}")


def _lonely_labels(images: list[Path], split: str) -> Iterator[str]:
    """Images without a label file, and label files beside those of the split that belong to no image."""
    files = {label_path(image) for image in images}
    missing = [file.stem for file in sorted(files) if not file.exists()]
    if missing:
        yield f"{split}: {len(missing)} images have no label file and count as empty: {shortened(missing)}"
    # where labels lie beside images, the folder may hold those of other splits and list files too
    folders = {file.parent for file in files} - {image.parent for image in images}
    beside = (file for folder in folders if folder.is_dir() for file in folder.glob("*.txt"))
    lonely = sorted(file.name for file in beside if file not in files and file.name != "classes.txt")
    if lonely:
        yield f"{split}: {len(lonely)} label files belong to no image: {shortened(lonely)}"


def _judge(found: Check, sides: np.ndarray) -> None:
    """Class balance and box sizes."""
    if len(sides):
        values = np.quantile(sides, (0.05, 0.5, 0.95)).tolist()
        found.sides = dict(zip(("5 %", "median", "95 %"), values, strict=True))
    total = sum(found.tiny.values())
    if total:
        found.warnings.append(
            f"{total} of {len(sides)} boxes have a side under {TINY:g} px of the network input; a larger input helps"
        )
    most = max(found.objects["train"].values())
    for name in found.names:
        own = found.objects["train"][name]
        if not own:
            found.errors.append(f"train has no object of class '{name}', so it cannot be learnt")
        elif own < RARE * most:
            found.warnings.append(f"class '{name}' is rare: {own} objects in train, the most frequent class has {most}")
        if own and not found.objects["val"][name]:
            found.warnings.append(f"val has no object of class '{name}', so its precision cannot be seen")
