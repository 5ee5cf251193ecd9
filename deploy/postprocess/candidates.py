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

    `place` is float32 [6, n]: column, row, map width and height in cells, anchor width and height in pixels.
    """

    scores: np.ndarray
    classes: np.ndarray
    raw: np.ndarray
    place: np.ndarray


NONE = Candidates(
    np.empty(0, np.float32), np.empty(0, np.intp), np.empty((4, 0), np.float32), np.empty((6, 0), np.float32)
)


def from_logits(levels: Sequence[Level], thresholds: Thresholds) -> Candidates:
    """Objectness and classes are logits; a class counts with sigmoid(class) * sigmoid(objectness)."""
    # A class's score never exceeds the objectness, so both thresholds sieve on the objectness logit alone.
    found = _sieve(levels, _logit(max(thresholds.objectness, thresholds.score) * (1 - _SIEVE_SLACK)))
    if found is None:
        return NONE
    numbers, place = found
    probabilities = fast_sigmoid(numbers[:, 4:])
    objectness = probabilities[:, 0]
    scores = probabilities[:, 1:] * objectness[:, None]
    return _test(numbers, place, scores, objectness > np.float32(thresholds.objectness), thresholds)


def from_probabilities(levels: Sequence[Level], thresholds: Thresholds) -> Candidates:
    """Objectness and classes are probabilities already (YOLOv4 of MindSpore).

    The objectness has no threshold of its own; it only has to reach the lowest of the classes' thresholds.
    """
    least = min(thresholds.separate) if thresholds.separate else thresholds.score
    found = _sieve(levels, float(np.nextafter(np.float32(least), np.float32(-1))))
    if found is None:
        return NONE
    numbers, place = found
    objectness = numbers[:, 4]
    return _test(numbers, place, numbers[:, 5:] * objectness[:, None], objectness >= np.float32(least), thresholds)


def boxes_v5(candidates: Candidates, net_width: int, net_height: int) -> tuple[np.ndarray, np.ndarray]:
    """YOLOv5's boxes: centres and sizes, float32 [2, n] each, in 0..1 of the network's input."""
    place = candidates.place
    doubled = fast_sigmoid(candidates.raw) * 2
    centre = (place[:2] + doubled[:2] - np.float32(0.5)) / place[2:4]
    return centre, doubled[2:] * doubled[2:] * place[4:] / _net(net_width, net_height)


def boxes_v3(candidates: Candidates, net_width: int, net_height: int) -> tuple[np.ndarray, np.ndarray]:
    """The boxes of YOLOv3, and of YOLOv4 from PyTorch; as `boxes_v5`."""
    place = candidates.place
    centre = (place[:2] + fast_sigmoid(candidates.raw[:2])) / place[2:4]
    return centre, fast_exp(candidates.raw[2:]) * place[4:] / _net(net_width, net_height)


def _net(width: int, height: int) -> np.ndarray:
    return np.array([[width], [height]], np.float32)


def _sieve(levels: Sequence[Level], floor: float) -> tuple[np.ndarray, np.ndarray] | None:
    """The cells whose fifth number is greater than `floor`: their numbers float32 [n, 5 + classes], and `place`."""
    numbers, places = [], []
    for level in levels:
        anchor, cell = np.nonzero(level.cells[:, :, 4] > floor)
        if not len(cell):
            continue
        # cells first, anchors second: the scan order, in which equal scores stay
        order = np.argsort(cell, kind="stable")
        anchor, cell = anchor[order], cell[order]
        numbers.append(level.cells[anchor, cell])
        place = np.empty((6, len(cell)), np.float32)
        place[1], place[0] = np.divmod(cell, level.width)
        place[2], place[3] = level.width, level.height
        place[4:] = level.anchors[anchor].T
        places.append(place)
    return (np.concatenate(numbers), np.concatenate(places, axis=1)) if numbers else None


def _test(
    numbers: np.ndarray, place: np.ndarray, scores: np.ndarray, passes: np.ndarray, thresholds: Thresholds
) -> Candidates:
    if not scores.size:
        return NONE
    classes = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), classes]
    passes = passes & (best > np.float32(thresholds.score))
    if thresholds.separate:
        passes &= best >= np.array(thresholds.separate, np.float32)[classes]
    return Candidates(best[passes], classes[passes], numbers[passes, :4].T, place[:, passes])


def _logit(probability: float) -> float:
    if probability <= 0:
        return -math.inf
    return math.inf if probability >= 1 else math.log(probability / (1 - probability))
