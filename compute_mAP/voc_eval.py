"""Average precision of detections against Pascal VOC ground truth, at the IoU thresholds 0.5, 0.55, ... 0.95.

Protocols: "voc07" is the mean of the precision at 11 recalls (VOC 2007), "area" the area under the precision-recall
curve (VOC 2010 and later); in both the precision at a recall is the highest at that recall or a higher one. "coco" has
rules of its own (coco_eval.py).
Everingham et al., IJCV 2010, section 4.2; VOC 2012 development kit, section 3.4.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from compute_mAP.coco_eval import coco_verdicts
from compute_mAP.detections import Detections
from compute_mAP.errors import DataError, UsageError
from compute_mAP.ground_truth import check_some_class
from compute_mAP.matching import judge, nearest_objects
from compute_mAP.protocols import PROTOCOLS
from compute_mAP.report import Report
from compute_mAP.verdicts import Verdicts, average_precisions
from compute_mAP.voc_xml import Annotation
from compute_mAP.wording import nearest

# Divided, so that each is exactly the overlap of that many pixels in 100, which the strict test excludes; np.linspace
# makes the ninth of them a little less than 0.9.
THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))


_NOTHING = Detections([], np.empty(0), np.empty((0, 4)))


class _Objects(NamedTuple):
    """The objects of one class: image numbers int64 [m], ascending, boxes float64 [m, 4], difficult bool [m]."""

    images: np.ndarray
    boxes: np.ndarray
    difficult: np.ndarray


def evaluate(
    detections: Mapping[str, Detections],
    ground_truth: Mapping[str, Annotation],
    names: Sequence[str],
    protocol: str = "area",
    failed_images: int = 0,
) -> Report:
    """Score the detections of the classes `names` on the images of `ground_truth` (annotations by image name).

    A class without detections scores 0. A class without objects in the set, other than difficult ones, has no score
    and does not count in the means. Objects and detections of other classes do not count at all.

    Raises DataError for a detection of an image outside the set or with a number that is not finite, and when no
    class has ground truth; UsageError for an unknown protocol.
    """
    judged, notes = judge_all(detections, ground_truth, names, protocol)
    scores = {name: None if found is None else average_precisions(found, protocol) for name, found in judged.items()}
    counted = np.array([score for score in scores.values() if score is not None])
    means = dict(zip(THRESHOLDS, counted.mean(axis=0).tolist()))
    ap50 = {name: None if score is None else float(score[THRESHOLDS.index(0.5)]) for name, score in scores.items()}
    average = float(counted.mean())
    return Report(protocol, means[0.5], means[0.75], average, len(ground_truth), failed_images, ap50, notes)


def judge_all(
    detections: Mapping[str, Detections], ground_truth: Mapping[str, Annotation], names: Sequence[str], protocol: str
) -> tuple[dict[str, Verdicts | None], list[str]]:
    """The verdicts on the detections of each class, None for a class without objects that count, and notes.

    Image numbers are the places of the images in `ground_truth`. Raises what `evaluate` raises.
    """
    _check_protocol(protocol)
    check_some_class(ground_truth, names)
    numbers = {image: number for number, image in enumerate(ground_truth)}
    notes = _notes_on_other_classes(ground_truth, names)
    judged: dict[str, Verdicts | None] = {}
    for name in names:
        objects = _objects_of(name, ground_truth)
        found = _checked(name, detections.get(name, _NOTHING), numbers)
        if objects.difficult.all():
            only = " but difficult ones" if len(objects.difficult) else ""
            notes.append(f"the set has no objects of class '{name}'{only}: it is left out of the means")
            judged[name] = None
        else:
            judged[name] = _verdicts(*found, objects, protocol, len(numbers))
    return judged, notes


def _check_protocol(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise UsageError(f"unknown protocol '{protocol}'{nearest(protocol, PROTOCOLS)}: expected voc07, area or coco")


def _notes_on_other_classes(ground_truth: Mapping[str, Annotation], names: Sequence[str]) -> list[str]:
    counts = Counter(entry.name for annotation in ground_truth.values() for entry in annotation.objects)
    return [
        f"{counts[other]} object{'s' * (counts[other] > 1)} of class '{other}', "
        f"which is not among the names{nearest(other, names)}: not counted"
        for other in sorted(set(counts) - set(names))
    ]


def _objects_of(name: str, ground_truth: Mapping[str, Annotation]) -> _Objects:
    rows = [
        (number, *entry[1:])
        for number, annotation in enumerate(ground_truth.values())
        for entry in annotation.objects
        if entry.name == name
    ]
    table = np.array(rows, np.float64).reshape(-1, 6)
    return _Objects(table[:, 0].astype(np.int64), table[:, 1:5], table[:, 5] > 0)


def _checked(name: str, found: Detections, numbers: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image numbers int64 [n], confidence float64 [n] and boxes float64 [n, 4] of the detections."""
    try:
        images = np.array([numbers[image] for image in found.images], np.int64)
    except KeyError as fault:
        raise DataError(
            f"a detection of class '{name}' is in image '{fault.args[0]}', which is not in the image set"
        ) from None
    confidence = np.asarray(found.confidence, np.float64)
    boxes = np.asarray(found.boxes, np.float64).reshape(-1, 4)
    if not (np.isfinite(confidence).all() and np.isfinite(boxes).all()):
        raise DataError(f"the detections of class '{name}' hold a number that is not finite")
    return images, confidence, boxes


def _verdicts(
    images: np.ndarray, confidence: np.ndarray, boxes: np.ndarray, objects: _Objects, protocol: str, all_images: int
) -> Verdicts:
    counts = np.bincount(objects.images[~objects.difficult], minlength=all_images)
    if protocol == "coco":
        return Verdicts(*coco_verdicts(images, confidence, boxes, *objects), counts)
    order = np.argsort(-confidence, kind="stable")
    overlap, row = nearest_objects(images[order], boxes[order], objects.images, objects.boxes)
    judged = [judge(overlap, row, objects.difficult, threshold) for threshold in THRESHOLDS]
    right, wrong = (np.stack(columns, axis=1) for columns in zip(*judged))
    return Verdicts(images[order], right, wrong, counts)
