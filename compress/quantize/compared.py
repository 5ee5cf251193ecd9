"""How far a quantised model's outputs are from the float model's: signal to noise, cosine, and scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

SCORE = 0.25
"""From here on a score counts as a finding."""


@dataclass
class Agreement:
    """Sums over images, gathered by `add`. Scores are those that a class has at a place, 0..1."""

    signal: float = 0.0
    noise: float = 0.0
    product: float = 0.0
    other: float = 0.0
    found: int = 0
    kept: int = 0
    new: int = 0
    differences: list[float] = field(default_factory=list)
    finite: bool = True

    def add(self, one: Sequence[np.ndarray], other: Sequence[np.ndarray], classes: int) -> None:
        """One image: the float model's outputs, the quantised one's."""
        for a, b in zip(one, other, strict=True):
            self.finite &= bool(np.isfinite(b).all())
            wide, near = a.astype(np.float64), np.nan_to_num(b.astype(np.float64))
            self.signal += float((wide**2).sum())
            self.noise += float(((wide - near) ** 2).sum())
            self.product += float((wide * near).sum())
            self.other += float((near**2).sum())
        before, after = scores(one, classes), scores(other, classes)
        if before is None or after is None:
            return
        known = before >= SCORE
        self.found += int(known.sum())
        self.kept += int((known & (after >= SCORE)).sum())
        self.new += int((~known & (after >= SCORE)).sum())
        self.differences += np.abs(before - after)[known].tolist()

    @property
    def snr(self) -> float:
        """Signal to noise of the raw outputs in dB; infinite where they are equal."""
        return float(10 * np.log10(self.signal / self.noise)) if self.noise > 0 else float("inf")

    @property
    def cosine(self) -> float:
        """Of the angle between the raw outputs, -1..1."""
        length = (self.signal * self.other) ** 0.5
        return self.product / length if length else 0.0

    @property
    def lost(self) -> float:
        """The share of the float model's findings that are none any more, 0..1; 0 where it has none."""
        return 1 - self.kept / self.found if self.found else 0.0

    @property
    def score_difference(self) -> float:
        """The mean difference of the scores at the float model's findings, 0..1."""
        return float(np.mean(self.differences)) if self.differences else 0.0


def agreement(before: Iterable[Sequence[np.ndarray]], after: Iterable[Sequence[np.ndarray]], classes: int) -> Agreement:
    """Over images: the float model's outputs and the quantised one's, in the same order."""
    found = Agreement()
    for one, other in zip(before, after, strict=True):
        found.add(one, other, classes)
    return found


def scores(outputs: Sequence[np.ndarray], classes: int) -> np.ndarray | None:
    """The scores 0..1 in raw heads of `classes` classes, flat: objectness times class for heads [1, anchors, h, w,
    5 + classes], the sigmoid of those with `classes` channels for anchor-free ones; None for other outputs."""
    found = []
    for output in outputs:
        if output.ndim == 5 and output.shape[-1] == 5 + classes:
            found.append((_sigmoid(output[..., 4:5]) * _sigmoid(output[..., 5:])).ravel())
    if not found:
        found = [_sigmoid(output).ravel() for output in outputs if output.ndim == 4 and output.shape[1] == classes]
    return np.concatenate(found) if found else None


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values.astype(np.float64), -80, 80)))
