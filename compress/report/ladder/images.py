"""The images that a ladder is climbed on: of a devkit with their ground truth, of a folder, or ultralytics' two."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from compute_mAP.ground_truth import load_ground_truth
from compute_mAP.image_file import image_file, is_image_name
from compute_mAP.voc_devkit import Devkit, find_devkit, find_year
from compute_mAP.voc_xml import Annotation
from deploy.errors import DataError, ReportedError


@dataclass(frozen=True)
class LadderImages:
    """The files, each of another name without suffix, and their annotations; {} where there is no ground truth."""

    files: list[Path]
    truth: dict[str, Annotation] = field(default_factory=dict)


def ladder_images(source: Path | None, most: int) -> LadderImages:
    """At most `most` images, spread evenly over those of `source`: a devkit (its image set test, or the only one), a
    folder of images, or None for ultralytics' own two.

    Raises DataError where there is no image, and for a faulty devkit.
    """
    if source is None:
        from ultralytics.utils import ASSETS

        return LadderImages(sorted(ASSETS.glob("*.jpg"))[:most])
    if not source.is_dir():
        raise DataError(f"the images {source}: expected a folder of images or a VOC devkit, found no folder")
    try:
        find_year(source)
    except ReportedError:
        return LadderImages(_spread(_of_folder(source), most))
    return of_devkit(find_devkit(source), most)


def of_devkit(devkit: Devkit, most: int) -> LadderImages:
    """At most `most` images of a devkit's image set, spread evenly, with their annotations."""
    files = [image_file(devkit.images, name) for name in devkit.read_image_set().names]
    chosen = _spread([file for file in files if file is not None], most)
    if not chosen:
        raise DataError(f"{devkit.images}: holds none of the images of {devkit.image_set_file}")
    return LadderImages(chosen, load_ground_truth(devkit, [file.stem for file in chosen])[0])


def _of_folder(folder: Path) -> list[Path]:
    files = sorted(entry for entry in folder.iterdir() if is_image_name(entry.name) and entry.is_file())
    if not files:
        raise DataError(f"{folder}: holds no image")
    return list({file.stem: file for file in reversed(files)}.values())[::-1]


def _spread(files: list[Path], most: int) -> list[Path]:
    return [files[number * len(files) // most] for number in range(most)] if len(files) > most else files
