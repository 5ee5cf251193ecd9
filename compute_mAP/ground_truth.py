"""The ground truth of an image set: the annotation of each of its images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from compute_mAP.errors import DataError
from compute_mAP.exif_frame import STORED, UNKNOWN, frame_of, turned
from compute_mAP.image_file import image_file
from compute_mAP.image_header import read_image_header
from compute_mAP.voc_devkit import Devkit
from compute_mAP.voc_xml import Annotation, read_annotation
from compute_mAP.wording import shortened


def load_ground_truth(devkit: Devkit, names: Iterable[str]) -> tuple[dict[str, Annotation], list[str]]:
    """The annotations by image name, and a note for each object that could not be used.

    Detections lie in images as they are shown. Where an image's EXIF orientation turns it and its annotation is of the
    stored pixels, by the size that it gives, the annotation is turned too; where the size does not tell, it is taken as
    it is. A note names either kind. Of an image that is not there no such thing can be known.

    Nothing is cached on disk: the stale annotation cache of older scorers survives a change of the image set.

    Raises DataError for an image of the set that has no annotation file, or a malformed one.
    """
    annotations: dict[str, Annotation] = {}
    notes: list[str] = []
    frames: dict[str, list[str]] = {STORED: [], UNKNOWN: []}
    for name in names:
        file = devkit.annotations / f"{name}.xml"
        if not file.is_file():
            raise DataError(f"{devkit.image_set_file} lists '{name}', but there is no annotation {file}")
        annotation, frame = _as_shown(devkit, name, read_annotation(file))
        annotations[name] = annotation
        notes.extend(annotation.faults)
        if frame in frames:
            frames[frame].append(name)
    return annotations, [*notes, *_notes_on_frames(frames)]


def check_some_class(ground_truth: Mapping[str, Annotation], names: Iterable[str], faults: Sequence[str] = ()) -> None:
    """Raise DataError where no object of any class among `names` counts; `faults` are those of the annotations."""
    wanted = list(names)
    objects = [entry for annotation in ground_truth.values() for entry in annotation.objects]
    if not any(entry.name in wanted and not entry.difficult for entry in objects):
        there = shortened(sorted({entry.name for entry in objects})) or "no objects"
        raise DataError(
            f"the set has no ground truth of any class among {shortened(wanted) or 'none'}; "
            f"its annotations hold {there}" + (f"; {faults[0]}" if faults else "")
        )


def _as_shown(devkit: Devkit, name: str, annotation: Annotation) -> tuple[Annotation, str]:
    """The annotation in the frame of its image as it is shown, and the frame that it was in."""
    image = image_file(devkit.images, name)
    try:
        header = read_image_header(image) if image else None
    except OSError:
        header = None
    if header is None:
        return annotation, ""
    frame = frame_of(annotation, header)
    return (turned(annotation, header) if frame == STORED else annotation), frame


def _notes_on_frames(frames: dict[str, list[str]]) -> list[str]:
    notes = []
    if names := frames[STORED]:
        notes.append(
            f"{len(names)} images are turned by their EXIF orientation and annotated on the unturned pixels, so their "
            f"boxes are turned too: {shortened(names)}"
        )
    if names := frames[UNKNOWN]:
        notes.append(
            f"{len(names)} images are turned by their EXIF orientation, and the size in their annotations does not "
            "tell on which pixels they were annotated; their boxes are taken as on the turned image, and the score is "
            f"wrong where they are not: {shortened(names)}"
        )
    return notes
