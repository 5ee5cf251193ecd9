"""Precision and recall at one confidence: that at which the F1 score, averaged over the classes, is highest.

Matches are those of the mAP at IoU 0.5 (compute_mAP/matching.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compute_mAP.detections import Detections
from compute_mAP.matching import judge, nearest_objects
from compute_mAP.voc_xml import Annotation

GRID = np.linspace(0, 1, 1001)
"""The confidences that curves are read off at."""
_NOTHING = Detections([], np.empty(0), np.empty((0, 4)))


@dataclass(frozen=True)
class OperatingPoint:
    """At `confidence`: `f1` (mean over the classes), and precision and recall by class.

    Numbers lie in 0..1. `objects` counts the ground truth by class; classes without any are None and count in no mean.
    """

    confidence: float
    f1: float
    precision: dict[str, float | None]
    recall: dict[str, float | None]
    objects: dict[str, int]


def best_operating_point(
    detections: Mapping[str, Detections], ground_truth: Mapping[str, Annotation], names: Sequence[str]
) -> OperatingPoint:
    """The point of the highest mean F1; the lowest such confidence. At least one class must have an object."""
    curves, objects = confidence_curves(detections, ground_truth, names)
    f1 = np.mean([f1_score(*curve) for curve in curves.values()], axis=0)
    place = int(np.argmax(f1))
    return OperatingPoint(
        float(GRID[place]),
        float(f1[place]),
        {name: float(curves[name][0][place]) if name in curves else None for name in names},
        {name: float(curves[name][1][place]) if name in curves else None for name in names},
        objects,
    )


def confidence_curves(
    detections: Mapping[str, Detections], ground_truth: Mapping[str, Annotation], names: Sequence[str]
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], dict[str, int]]:
    """Precision and recall at each confidence of GRID, float64 [1001] in 0..1, by class, and the objects by class.

    Classes without objects have no curve.
    """
    numbers = {image: number for number, image in enumerate(ground_truth)}
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    objects: dict[str, int] = {}
    for name in names:
        rows = [
            (numbers[image], o.x0, o.y0, o.x1, o.y1, o.difficult)
            for image, annotation in ground_truth.items()
            for o in annotation.objects
            if o.name == name
        ]
        table = np.array(rows, np.float64).reshape(-1, 6)
        objects[name] = int((table[:, 5] == 0).sum())
        if objects[name]:
            curves[name] = _curves(detections.get(name, _NOTHING), numbers, table)
    return curves, objects


def _curves(found: Detections, numbers: Mapping[str, int], objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision (1 where nothing is found) and recall at each confidence of the grid, float64 [1001]."""
    order = np.argsort(-np.asarray(found.confidence), kind="stable")
    images = np.array([numbers[found.images[i]] for i in order], np.int64)
    confidence = np.asarray(found.confidence, np.float64)[order]
    boxes = np.asarray(found.boxes, np.float64).reshape(-1, 4)[order]
    overlap, row = nearest_objects(images, boxes, objects[:, 0].astype(np.int64), objects[:, 1:5])
    right, wrong = judge(overlap, row, objects[:, 5] > 0, 0.5)
    above = np.searchsorted(-confidence, -GRID, side="right")
    true, false = (np.append(0, np.cumsum(flags))[above] for flags in (right, wrong))
    return np.where(true + false > 0, true / np.maximum(true + false, 1), 1.0), true / (objects[:, 5] == 0).sum()


def f1_score(precision: np.ndarray, recall: np.ndarray) -> np.ndarray:
    """2 P R / (P + R), 0 where both are 0."""
    return 2 * precision * recall / np.maximum(precision + recall, 1e-12)
