"""How sure the difference of two models' mAP is: the paired bootstrap over the images of a test set.

Both models saw the same images, so each sample draws images, not detections, and scores both models on the same draw:
what makes an image easy or hard for both then cancels out. The interval is the percentile interval.
Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 8 and 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compute_mAP.detections import Detections
from compute_mAP.errors import UsageError
from compute_mAP.verdicts import Verdicts, average_precisions
from compute_mAP.voc_eval import THRESHOLDS, judge_all
from compute_mAP.voc_xml import Annotation

SAMPLES = 1000
CONFIDENCE = 0.95
_FIFTY = THRESHOLDS.index(0.5)


@dataclass(frozen=True)
class Interval:
    """A difference of two mAPs, and the ends of its 95 % interval; each -1..1."""

    difference: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval tells the two models apart."""
        return not self.low <= 0 <= self.high

    def to_json(self) -> dict[str, float]:
        return {"difference": self.difference, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Comparison:
    """What the first model has more than the second one: mAP@0.5 and mAP@0.5:0.95, over `samples` bootstrap samples."""

    map50: Interval
    map50_95: Interval
    samples: int

    def to_json(self) -> dict[str, Any]:
        """The object under `against` of `--json`."""
        return {"map50": self.map50.to_json(), "map50_95": self.map50_95.to_json(), "samples": self.samples}

    def to_text(self) -> str:
        """A line for each mean."""
        rows = (("mAP@0.5", self.map50), ("mAP@0.5:0.95", self.map50_95))
        return "\n".join(
            f"{name}: {found.difference:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f}"
            f"{'' if found.excludes_zero else ' (not told apart)'}"
            for name, found in rows
        )


def compare(
    first: Mapping[str, Detections],
    second: Mapping[str, Detections],
    ground_truth: Mapping[str, Annotation],
    names: Sequence[str],
    protocol: str = "area",
    samples: int = SAMPLES,
    seed: int = 0,
) -> Comparison:
    """The differences first - second with their 95 % intervals; the same for the same seed.

    A class that a sample draws no object of does not count in that sample's means, as in the scorer's.
    Raises UsageError for fewer than 100 samples, and what `evaluate` raises.
    """
    if samples < 100:
        raise UsageError(f"{samples} bootstrap samples are too few for an interval, expected at least 100")
    both = [_judged(found, ground_truth, names, protocol) for found in (first, second)]
    once = np.ones(len(ground_truth), np.int64)
    actual = _means(both[0], protocol, once) - _means(both[1], protocol, once)
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(samples):
        weights = random.multinomial(len(once), np.full(len(once), 1 / len(once)))
        drawn.append(_means(both[0], protocol, weights) - _means(both[1], protocol, weights))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.nanpercentile(np.array(drawn), [tail, 100 - tail], axis=0)
    map50, map50_95 = (Interval(*map(float, row)) for row in zip(actual, low, high))
    return Comparison(map50, map50_95, samples)


def _judged(
    detections: Mapping[str, Detections], ground_truth: Mapping[str, Annotation], names: Sequence[str], protocol: str
) -> list[Verdicts]:
    judged, _ = judge_all(detections, ground_truth, names, protocol)
    return [_shortened(found) for found in judged.values() if found is not None]


def _shortened(verdicts: Verdicts) -> Verdicts:
    """Without the detections behind the last one that is right at any threshold: they change no curve's best part."""
    right = np.flatnonzero(verdicts.right.any(axis=1))
    end = int(right[-1]) + 1 if len(right) else 0
    return verdicts._replace(images=verdicts.images[:end], right=verdicts.right[:end], wrong=verdicts.wrong[:end])


def _means(judged: Sequence[Verdicts], protocol: str, weights: np.ndarray) -> np.ndarray:
    """mAP@0.5 and mAP@0.5:0.95, float64 [2]; NaN where the weighted images have no object at all."""
    scores = np.array([average_precisions(found, protocol, weights) for found in judged])
    counted = scores[~np.isnan(scores[:, 0])]
    if not len(counted):
        return np.full(2, np.nan)
    return np.array([counted[:, _FIFTY].mean(), counted.mean()])
