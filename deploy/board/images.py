"""What a run on the board reads: the images of an image set, or one image set of a devkit."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from compute_mAP.image_file import image_file
from compute_mAP.voc_devkit import Devkit, find_devkit
from deploy.board.contents import Item
from deploy.console import note
from deploy.run.image_source import image_source
from deploy.run.images import read_image

JPEG_SUFFIXES = (".jpg", ".jpeg")
IMAGE_SET, IMAGE_DIR = "set.txt", "pictures"
DEVKIT, YEAR, SET = "VOCdevkit", "VOC2007", "test"
"""On the board a devkit has these names, whatever it is called here."""


class Made:
    """Files that are made for the board, in a folder that goes when this does."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="push-")
        self._count = 0

    def item(self, path: str, content: bytes) -> Item:
        """A file with that content, for that place on the board."""
        self._count += 1
        file = Path(self._folder.name) / str(self._count)
        file.write_bytes(content)
        return Item.of(path, file)


@dataclass(frozen=True)
class Material:
    """`names` are the images of the set in its order, `folder` has their files here, `items` are the files of the run's
    folder on the board, `arguments` the verb's own there. An image that is missing here is missing there, and fails on
    both sides. `made` keeps the items that were made for the board."""

    names: list[str]
    folder: Path
    items: list[Item]
    arguments: list[str]
    made: Made


def of_image_source(source: Path, image_dir: Path | None = None) -> Material:
    """For detect and speed. Raises what image_source raises, and DataError for files that cannot be read."""
    images = image_source(source, image_dir)
    for sentence in images.notes:
        note(sentence)
    made = Made()
    items = [made.item(IMAGE_SET, "".join(f"{name}\n" for name in images.names).encode("utf-8"))]
    items += _images(images.folder, images.names, IMAGE_DIR, made)
    return Material(images.names, images.folder, items, [IMAGE_SET, IMAGE_DIR], made)


def of_devkit(devkit: Devkit) -> Material:
    """For eval: images, annotations and the image set. Raises DataError as of_image_source does."""
    names = devkit.read_image_set().names
    folder = f"{DEVKIT}/{YEAR}"
    items = [Item.of(f"{folder}/ImageSets/Main/{SET}.txt", devkit.image_set_file)]
    made = Made()
    items += _images(devkit.images, names, f"{folder}/JPEGImages", made)
    annotations = ((name, devkit.annotations / f"{name}.xml") for name in names)
    items += [Item.of(f"{folder}/Annotations/{name}.xml", file) for name, file in annotations if file.is_file()]
    return Material(names, devkit.images, items, [DEVKIT, "--year", YEAR, "--image-set", SET], made)


def open_devkit(folder: Path, year: str | None, image_set: str | None) -> Devkit:
    """Raises DataError for a devkit, a year or a set that is not there."""
    devkit = find_devkit(folder.absolute(), year, image_set)
    for sentence in devkit.notes:
        note(sentence)
    return devkit


def _images(folder: Path, names: list[str], target: str, made: Made) -> list[Item]:
    """The images as they are; those that a board's stream would not take, as JPEG."""
    items = []
    for name in names:
        file = image_file(folder, name)
        if file is None or not file.is_file():
            continue
        if file.suffix.lower() in JPEG_SUFFIXES:
            items.append(Item.of(f"{target}/{name}{file.suffix}", file))
        else:
            items.append(made.item(f"{target}/{name}.jpg", read_image(folder, name)))
    return items
