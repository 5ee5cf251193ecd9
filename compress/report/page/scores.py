"""What the detections of the models say: mAP with its bootstrap intervals, curves and confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compress.report.page.confusion import confusion_matrix
from compress.val.operating_point import GRID, confidence_curves, f1_score
from compute_mAP import bootstrap
from compute_mAP.bootstrap import Comparison
from compute_mAP.detections import read_all_detections
from compute_mAP.ground_truth import load_ground_truth
from compute_mAP.report import Report
from compute_mAP.voc_devkit import Devkit
from compute_mAP.voc_eval import evaluate
from compute_mAP.voc_xml import Annotation

RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Truth:
    """The ground truth that all models of the page are scored against, and by which protocol."""

    devkit: Devkit
    annotations: dict[str, Annotation]
    protocol: str


@dataclass(frozen=True)
class Scored:
    """One model on one set of images.

    Attributes:
        folder: the txt_result that its detections were read from.
        report: the scorer's report.
        against: what it has less or more than the first model, with 95 % intervals; None for the first model.
        precision: by class, float64 [101], the highest precision at each of RECALLS or beyond.
        f1: by class, float64 [1001], at each confidence of GRID.
        best: the confidence, 0..1, of the highest mean F1.
        confusion: int64 [classes + 1, classes + 1] at that confidence.
    """

    folder: Path
    names: list[str]
    report: Report
    against: Comparison | None
    precision: dict[str, np.ndarray]
    f1: dict[str, np.ndarray]
    best: float
    confusion: np.ndarray

    @property
    def mean_precision(self) -> np.ndarray:
        """float64 [101]: the mean over the classes that have objects."""
        return np.mean(list(self.precision.values()), axis=0)

    @property
    def mean_f1(self) -> np.ndarray:
        """float64 [1001]: the mean over the classes that have objects."""
        return np.mean(list(self.f1.values()), axis=0)


def read_truth(devkit: Devkit, protocol: str) -> Truth:
    """The annotations of the devkit's image set. Raises DataError for whatever of it is missing or malformed."""
    annotations, _ = load_ground_truth(devkit, devkit.read_image_set().names)
    return Truth(devkit, annotations, protocol)


def score_folder(folder: Path, names: Sequence[str], truth: Truth, first: tuple[Path, Sequence[str]] | None) -> Scored:
    """Score the txt_result in `folder`, and compare it with that of the `first` model (folder and classes), if any.

    Models of other classes than the first are not compared. Raises DataError for a malformed or foreign file.
    """
    detections, _ = read_all_detections(folder, names)
    report = evaluate(detections, truth.annotations, names, truth.protocol)
    against = None
    if first and list(first[1]) == list(names):
        reference, _ = read_all_detections(first[0], names)
        against = bootstrap.compare(detections, reference, truth.annotations, names, truth.protocol)
    curves, _ = confidence_curves(detections, truth.annotations, names)
    f1 = {name: f1_score(*curve) for name, curve in curves.items()}
    best = float(GRID[int(np.argmax(np.mean(list(f1.values()), axis=0)))])
    return Scored(
        folder,
        list(names),
        report,
        against,
        {name: _at_recalls(*curve) for name, curve in curves.items()},
        f1,
        best,
        confusion_matrix(detections, truth.annotations, names, best),
    )


def _at_recalls(precision: np.ndarray, recall: np.ndarray) -> np.ndarray:
    """The highest precision at each recall of RECALLS or a higher one; 0 beyond the highest recall."""
    order = np.argsort(recall, kind="stable")
    best_from_here = np.maximum.accumulate(np.append(precision[order], 0.0)[::-1])[::-1]
    return best_from_here[np.searchsorted(recall[order], RECALLS)]
