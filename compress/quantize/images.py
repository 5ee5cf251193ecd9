"""Which images a quantisation is calibrated with: from a data set's training split, a devkit's, or a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from compute_mAP.image_file import image_file, is_image_name
from compute_mAP.voc_devkit import find_devkit, find_year
from deploy.errors import DataError, ReportedError
from deploy.hashes import file_sha256

_TRAINING = ("train", "trainval")
_OTHERS = ("val", "valid", "validation", "test")


@dataclass(frozen=True)
class CalibrationImages:
    """The files, in the order of calibration, and a sentence for what is doubtful about them."""

    files: list[Path]
    notes: list[str] = field(default_factory=list)

    def listed(self) -> list[dict[str, str]]:
        """Name and SHA-256 of each."""
        return [{"image": file.name, "sha256": file_sha256(file)} for file in self.files]


def calibration_images(source: Path, most: int) -> CalibrationImages:
    """At most `most` images, spread evenly over those that `source` names.

    `source` is a data.yaml (its train split), a VOC devkit (train, else trainval) or a folder of images. Images that
    are not known to be from a training split are told of in the notes: a score on images that the ranges were chosen
    by says too much. Raises DataError where there is no image.
    """
    notes: list[str] = []
    if source.suffix in (".yaml", ".yml"):
        from compress.data.data_yaml import load_data_yaml

        files = load_data_yaml(source).images("train")
    elif not source.is_dir():
        what = (
            "is a file; expected a folder of images, a data.yaml or a VOC devkit" if source.exists() else "is missing"
        )
        raise DataError(f"{source}, given for the calibration images, {what}")
    elif (devkit := _devkit(source)) is not None:
        files, notes = devkit
    else:
        files = sorted(entry for entry in source.iterdir() if is_image_name(entry.name) and entry.is_file())
        notes = _doubts(source, files)
    if not files:
        raise DataError(f"the calibration images {source}: there is no image")
    chosen = [files[number] for number in evenly(len(files), most)]
    if len(chosen) == 1:
        notes = [*notes, f"{source}: a single image says little about the ranges of activations; give some dozens"]
    return CalibrationImages(chosen, notes)


def evenly(count: int, most: int) -> list[int]:
    """At most `most` of the numbers 0..count-1, spread evenly."""
    return [number * count // most for number in range(most)] if count > most else list(range(count))


def _devkit(folder: Path) -> tuple[list[Path], list[str]] | None:
    """The training images of a devkit; None for a folder that is none."""
    try:
        find_year(folder)
    except ReportedError:
        return None
    for name in _TRAINING:
        try:
            devkit = find_devkit(folder, image_set=name)
        except ReportedError:
            continue
        found = [image_file(devkit.images, entry) for entry in devkit.read_image_set().names]
        return [file for file in found if file is not None], list(devkit.notes)
    raise DataError(f"the calibration images {folder}: the devkit has no image set train or trainval")


def _doubts(folder: Path, files: list[Path]) -> list[str]:
    """What speaks against a folder's images being training images."""
    parts = {part.lower() for part in folder.absolute().parts}
    if found := next((name for name in _OTHERS if name in parts), ""):
        return [f"{folder} lies in a folder {found}: calibrate with training images, or a score on it says too much"]
    if any(name in parts for name in _TRAINING):
        return []
    sets = folder.parent / "ImageSets" / "Main"
    for name in _TRAINING:
        try:
            training = set((sets / f"{name}.txt").read_text(encoding="utf-8").split())
        except OSError:
            continue
        if others := [file.stem for file in files if file.stem not in training]:
            return [f"{len(others)} of {len(files)} images in {folder} are not of the image set {name}"]
        return []
    return [f"{folder} does not say that its images are training images; a data.yaml or a devkit would"]
