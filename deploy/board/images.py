"""What a run on the board reads: the images of an image set, or one image set of a devkit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compute_mAP.voc_devkit import Devkit, find_devkit, read_image_set
from deploy.board.contents import Item
from deploy.console import note
from deploy.run.images import check_image_dir, find_image

IMAGE_SET, IMAGE_DIR = "set.txt", "pictures"
DEVKIT, YEAR, SET = "VOCdevkit", "VOC2007", "test"
"""On the board a devkit has these names, whatever it is called here."""


@dataclass(frozen=True)
class Material:
    """`names` are the images of the set in its order, `items` the files of the run's folder on the board, `arguments`
    the verb's own there. An image that is missing here is missing there, and fails on both sides."""

    names: list[str]
    items: list[Item]
    arguments: list[str]


def of_image_set(image_set: Path, image_dir: Path) -> Material:
    """For detect and speed. Raises DataError for a faulty image set and for files that cannot be read."""
    images = read_image_set(image_set, (image_dir,))
    for sentence in images.notes:
        note(sentence)
    items = [Item.of(IMAGE_SET, image_set)]
    items += _images(check_image_dir(image_dir), images.names, IMAGE_DIR)
    return Material(images.names, items, [IMAGE_SET, IMAGE_DIR])


def of_devkit(devkit: Devkit) -> Material:
    """For eval: images, annotations and the image set. Raises DataError as of_image_set does."""
    names = devkit.read_image_set().names
    folder = f"{DEVKIT}/{YEAR}"
    items = [Item.of(f"{folder}/ImageSets/Main/{SET}.txt", devkit.image_set_file)]
    items += _images(devkit.images, names, f"{folder}/JPEGImages")
    annotations = ((name, devkit.annotations / f"{name}.xml") for name in names)
    items += [Item.of(f"{folder}/Annotations/{name}.xml", file) for name, file in annotations if file.is_file()]
    return Material(names, items, [DEVKIT, "--year", YEAR, "--image-set", SET])


def open_devkit(folder: Path, year: str | None, image_set: str | None) -> Devkit:
    """Raises DataError for a devkit, a year or a set that is not there."""
    devkit = find_devkit(folder.absolute(), year, image_set)
    for sentence in devkit.notes:
        note(sentence)
    return devkit


def _images(folder: Path, names: list[str], target: str) -> list[Item]:
    found = ((name, find_image(folder, name)) for name in names)
    return [
        Item.of(f"{target}/{name}{file.suffix}", file) for name, file in found if file is not None and file.is_file()
    ]
