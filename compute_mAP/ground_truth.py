"""The ground truth of an image set: the annotation of each of its images."""

from __future__ import annotations

from collections.abc import Iterable

from compute_mAP.errors import DataError
from compute_mAP.voc_devkit import Devkit
from compute_mAP.voc_xml import Annotation, read_annotation


def load_ground_truth(devkit: Devkit, names: Iterable[str]) -> tuple[dict[str, Annotation], list[str]]:
    """The annotations by image name, and a note for each object that could not be used.

    Nothing is cached on disk: the stale annotation cache of older scorers survives a change of the image set.

    Raises DataError for an image of the set that has no annotation file, or a malformed one.
    """
    annotations: dict[str, Annotation] = {}
    notes: list[str] = []
    for name in names:
        file = devkit.annotations / f"{name}.xml"
        if not file.is_file():
            raise DataError(f"{devkit.image_set_file} lists '{name}', but there is no annotation {file}")
        annotations[name] = read_annotation(file)
        notes.extend(annotations[name].faults)
    return annotations, notes
