"""What the post-processors of anchor-free heads share: pairing raw heads, and boxes from them.

The model ends in its head convolutions: for each level a box branch [1, 4 * bins, h, w] (left, top, right, bottom) and
a class branch [1, classes, h, w], without softmax and sigmoid, in any order. With several bins a box's side is their
mean, weighted by their softmax (Distribution Focal Loss, Li et al. 2020); with one it is the value itself. The unit is
the level's stride, counted from the centre of the cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.python_post import PythonPostProcess
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, OK, SdkFault

BINS = 16  # of a side, where the config does not say otherwise
_MOST_BINS = 64
SIDES = 4
SCORE = 0.25
# The sieve in front of the exact test works on logits and lets a little more through than it needs.
_SIEVE_SLACK = 1e-4


def read_class_num(values: KeyValues) -> int:
    """CLASS_NUM. Raises SdkFault 1016 where it is missing, 1004 where it is no number from 1 to 1000."""
    code, class_num = values.uint32("CLASS_NUM", 0, 0, 1000)
    if code != OK or not class_num:
        found = "is missing" if code == NO_EXIST else f"is {values.texts['CLASS_NUM']!r}"
        raise SdkFault(
            code or INVALID_PARAM, f"{values.name}: CLASS_NUM {found}; it is the number of classes, 1 to 1000"
        )
    return class_num


def read_bins(values: KeyValues) -> int:
    """REG_MAX, the bins of a box's side: 16 where it is missing. Raises SdkFault 1004 for anything but 1 to 64."""
    code, bins = values.uint32("REG_MAX", BINS, 0, 1000)
    if (code != OK and code != NO_EXIST) or not 1 <= bins <= _MOST_BINS:
        raise SdkFault(
            INVALID_PARAM,
            f"{values.name}: REG_MAX is {values.texts['REG_MAX']!r}; it is the number of bins of a box's side, "
            f"1 to {_MOST_BINS}",
        )
    return bins


def pair_heads(shapes: Sequence[Sequence[int]], class_num: int, bins: int = BINS) -> list[tuple[int, int]]:
    """Which outputs belong together: (box branch, class branch) of each level, the finest level first.

    They are told apart by their channels; where both have as many (64 classes and 16 bins), the earlier output of a
    level is its box branch. Raises SdkFault 1004 where outputs do not pair.
    """
    levels: dict[tuple[int, int], list[int]] = {}
    for index, shape in enumerate(shapes):
        if len(shape) != 4 or shape[0] < 1:
            raise _unpaired(shapes, class_num, bins)
        levels.setdefault((shape[2], shape[3]), []).append(index)
    pairs = []
    for size in sorted(levels, reverse=True):
        members = sorted(levels[size], key=lambda index: shapes[index][1] != SIDES * bins)
        channels = [shapes[index][1] for index in members]
        if channels != [SIDES * bins, class_num]:
            raise _unpaired(shapes, class_num, bins)
        pairs.append((members[0], members[1]))
    if not pairs:
        raise _unpaired(shapes, class_num, bins)
    return pairs


def promising(logits: np.ndarray, score: float) -> np.ndarray:
    """The cells, intp [n], whose best class may pass the score; logits float32 [classes, cells]."""
    return np.flatnonzero(logits.max(axis=0) > _logit(score * (1 - _SIEVE_SLACK)))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def boxes_of(box: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The boxes at cells, intp [n], of a level's box branch, float32 [4 * bins, h, w].

    Returns float32 [n, 4] = x0 y0 x1 y1 in 0..1 of the network's input.
    """
    channels, height, width = box.shape
    sides = _sides(box.reshape(SIDES, channels // SIDES, -1)[:, :, cells])
    row, column = np.divmod(cells, width)
    centre = np.stack([column, row]).astype(np.float32) + np.float32(0.5)
    scale = np.array([[width], [height]], np.float32)
    return np.concatenate([(centre - sides[:2]) / scale, (centre + sides[2:]) / scale]).T


class AnchorFreePostProcess(PythonPostProcess):
    """A post-processor whose config has `class_num` and `bins` among its attributes."""

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        pair_heads(shapes, self.config.class_num, self.config.bins)


def _sides(bins: np.ndarray) -> np.ndarray:
    """Distances float32 [4, n] in cells from what the box branch says of them, float32 [4, bins, n]."""
    if bins.shape[1] == 1:
        return bins[:, 0]
    weights = np.exp(bins - bins.max(axis=1, keepdims=True))
    steps = np.arange(bins.shape[1], dtype=np.float32)[None, :, None]
    return (weights * steps).sum(axis=1) / weights.sum(axis=1)


def _logit(probability: float) -> float:
    if probability <= 0:
        return -math.inf
    return math.inf if probability >= 1 else math.log(probability / (1 - probability))


def _unpaired(shapes: Sequence[Sequence[int]], class_num: int, bins: int) -> SdkFault:
    found = ", ".join(str(list(shape)) for shape in shapes) or "none"
    return SdkFault(
        INVALID_PARAM,
        f"the model's outputs are {found}; an anchor-free head with CLASS_NUM={class_num} and REG_MAX={bins} has "
        f"[1, {SIDES * bins}, h, w] and [1, {class_num}, h, w] for each level",
    )
