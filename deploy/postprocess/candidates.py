"""The cells of raw heads that pass the thresholds, in the order in which the SDK scans them.

A cell passes where its objectness is greater than one threshold and its best class greater than another (both
strictly); it has that one class, the lowest of several equal ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.postprocess.fast_exp import fast_exp, fast_sigmoid
from deploy.postprocess.levels import Level

_CLASSES = 5  # tx ty tw th objectness, then the classes
# The sieve in front of the exact test works on logits and lets a little more through than it needs.
_SIEVE_SLACK = 1e-4


@dataclass(frozen=True)
class Thresholds:
    """0..1 each; `separate` is empty or has one threshold a class, which a score must reach on top of `score`."""

    objectness: float
    score: float
    separate: tuple[float, ...] = ()


@dataclass(frozen=True)
class Candidates:
    """What passed: scores float32 [n], classes intp [n], the four raw box numbers float32 [4, n] and where they sit.

    `squashed` is the sigmoid of `raw`, which finished boxes do without. `place` is float32 [6, n]: column, row, map
    width and height in cells, anchor width and height in pixels.
    """

    scores: np.ndarray
    classes: np.ndarray
    raw: np.ndarray
    squashed: np.ndarray
    place: np.ndarray


def from_logits(tensors: Sequence[np.ndarray], levels: Sequence[Level], thresholds: Thresholds) -> Candidates | None:
    """Objectness and classes are logits; a class counts with sigmoid(class) * sigmoid(objectness).

    One level for each tensor. None where nothing passes.
    """
    # A class's score never exceeds the objectness, so both thresholds sieve on the objectness logit alone.
    found = _sieve(tensors, levels, _logit(max(thresholds.objectness, thresholds.score) * (1 - _SIEVE_SLACK)))
    if found is None:
        return None
    numbers, place = found
    squashed = fast_sigmoid(numbers)
    objectness = squashed[:, 4]
    scores = squashed[:, _CLASSES:] * objectness[:, None]
    return _test(numbers, squashed, place, scores, objectness > np.float32(thresholds.objectness), thresholds)


def from_probabilities(
    tensors: Sequence[np.ndarray], levels: Sequence[Level], thresholds: Thresholds
) -> Candidates | None:
    """Objectness and classes are probabilities already (YOLOv4 of MindSpore).

    The objectness has no threshold of its own; it only has to reach the lowest of the classes' thresholds.
    """
    least = np.float32(min(thresholds.separate) if thresholds.separate else thresholds.score)
    found = _sieve(tensors, levels, float(np.nextafter(least, np.float32(-1))))
    if found is None:
        return None
    numbers, place = found
    objectness = numbers[:, 4]
    scores = numbers[:, _CLASSES:] * objectness[:, None]
    return _test(numbers, numbers, place, scores, objectness >= least, thresholds)


def boxes_v5(candidates: Candidates, net_width: int, net_height: int) -> tuple[np.ndarray, np.ndarray]:
    """YOLOv5's boxes: centres and sizes, float32 [2, n] each, in 0..1 of the network's input."""
    place = candidates.place
    doubled = candidates.squashed * 2
    centre = (place[:2] + doubled[:2] - np.float32(0.5)) / place[2:4]
    return centre, doubled[2:] * doubled[2:] * place[4:] / _net(net_width, net_height)


def boxes_v3(candidates: Candidates, net_width: int, net_height: int) -> tuple[np.ndarray, np.ndarray]:
    """The boxes of YOLOv3, and of YOLOv4 from PyTorch; as `boxes_v5`."""
    place = candidates.place
    centre = (place[:2] + candidates.squashed[:2]) / place[2:4]
    return centre, fast_exp(candidates.raw[2:]) * place[4:] / _net(net_width, net_height)


def _net(width: int, height: int) -> np.ndarray:
    return np.array([[width], [height]], np.float32)


def _sieve(
    tensors: Sequence[np.ndarray], levels: Sequence[Level], floor: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Numbers float32 [n, 5 + classes] and places [n, 6] of the cells whose fifth number is greater than `floor`."""
    numbers, places = [], []
    for tensor, level in zip(tensors, levels):
        found = (level.objectness(tensor) > floor).nonzero()[0]
        if len(found):
            found = found[level.turn[found].argsort()]  # the scan order, in which equal scores stay
            numbers.append(level.rows(tensor, found))
            places.append(level.place.take(found, axis=0))
    return (np.concatenate(numbers), np.concatenate(places)) if numbers else None


def _test(
    numbers: np.ndarray, squashed: np.ndarray, place: np.ndarray, scores: np.ndarray, passes: np.ndarray,
    thresholds: Thresholds,
) -> Candidates | None:  # fmt: skip
    if not scores.size:
        return None
    classes = scores.argmax(axis=1)
    best = scores.max(axis=1)
    passes = passes & (best > np.float32(thresholds.score))
    if thresholds.separate:
        passes &= best >= np.array(thresholds.separate, np.float32)[classes]
    chosen = passes.nonzero()[0]
    if not len(chosen):
        return None
    raw, squashed, place = (rows.take(chosen, axis=0).T for rows in (numbers[:, :4], squashed[:, :4], place))
    return Candidates(best[chosen], classes[chosen], raw, squashed, place)


def _logit(probability: float) -> float:
    if probability <= 0:
        return -math.inf
    return math.inf if probability >= 1 else math.log(probability / (1 - probability))
