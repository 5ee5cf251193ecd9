"""Which images a run is about: those of an image set, of a folder, or a single one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from compute_mAP.image_file import image_file, is_image_name
from compute_mAP.voc_devkit import read_image_set
from deploy.errors import DataError, UsageError
from deploy.run.images import check_image_dir
from deploy.wording import shortened


class ImageSource(NamedTuple):
    """The names of the images, without suffix, the folder with their files, absolute, and what was odd about them."""

    names: list[str]
    folder: Path
    notes: list[str]


def image_source(source: Path, image_dir: Path | None = None) -> ImageSource:
    """An image set with the folder of its images behind it; or, alone, a folder of images or one image.

    Of two images with one name, such as a.jpg and a.png, one is taken and a note names the others.

    Raises DataError for an image set or a folder that is missing or faulty and for a folder without images; UsageError
    for an image set without a folder and for a folder or an image with one.
    """
    if image_dir is None:
        return _in_folder(source) if source.is_dir() else _single(source)
    if source.is_dir() or (is_image_name(source.name) and source.is_file()):
        raise UsageError(f"{source} is no image set, so expected it alone, without {image_dir} behind it")
    images = read_image_set(source, (image_dir,))
    return ImageSource(images.names, check_image_dir(image_dir), images.notes)


def _in_folder(folder: Path) -> ImageSource:
    files = sorted(entry.name for entry in folder.iterdir() if is_image_name(entry.name))
    names = list(dict.fromkeys(Path(file).stem for file in files))
    if not names:
        raise DataError(f"{folder} holds no image")
    taken = {found.name for name in names if (found := image_file(folder, name))}
    others = [file for file in files if file not in taken]
    notes = [f"{folder} has images with the names of others, which are left out: {shortened(others)}"] if others else []
    return ImageSource(names, folder.absolute(), notes)


def _single(file: Path) -> ImageSource:
    if not file.exists():
        raise DataError(f"there is no image or folder {file}")
    if not is_image_name(file.name):
        raise UsageError(f"{file} alone: expected an image or a folder, or an image set and the folder of its images")
    found = image_file(file.parent, file.stem)
    if found is None or found.name != file.name:
        raise DataError(f"{file} has the name of {found}, which would be taken for it; rename one of them")
    return ImageSource([file.stem], file.parent.absolute(), [])
