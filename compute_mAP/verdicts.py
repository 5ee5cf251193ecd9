"""What a scorer decided about every detection of a class, and the average precision that follows from it.

The two are apart so that a bootstrap can weigh the images anew without matching the boxes again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# As voc_eval.py has them, whose figures everybody compares with. Three of them lie a little above k / 10, 3 * 0.1 for
# one: 3 of 10 objects found do not reach that level (docs/adr: recall levels of VOC 2007).
RECALLS_VOC07 = np.arange(0.0, 1.1, 0.1)
# As pycocotools has them, to the last bit: a recall may lie exactly on one of them.
RECALLS_COCO = np.linspace(0.0, 1.0, 101)


class Verdicts(NamedTuple):
    """The detections of one class in descending order of confidence, and how many objects each image has.

    `images` int64 [n] are image numbers from 0. `right` and `wrong` are bool [n, 10], a column for each IoU threshold;
    a detection of a difficult object is neither. `objects` int64 [images] counts those of the class in each image,
    without difficult ones.
    """

    images: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    objects: np.ndarray


def average_precisions(verdicts: Verdicts, protocol: str, weights: np.ndarray | None = None) -> np.ndarray:
    """The average precision at each threshold, float64 [10] in 0..1; NaN where the weighted images have no object.

    `weights` int [images] says how often each image counts (default: once), as in a bootstrap sample; a detection of an
    image that counts twice is taken for two of the same confidence.
    """
    if weights is None:
        weights = np.ones(len(verdicts.objects), np.int64)
    count = int((weights * verdicts.objects).sum())
    if not count:
        return np.full(verdicts.right.shape[1], np.nan)
    weight = weights[verdicts.images]
    true, false = np.cumsum(verdicts.right.T * weight, axis=1), np.cumsum(verdicts.wrong.T * weight, axis=1)
    if protocol == "coco":
        precision = true / (true + false + np.spacing(1))
    else:
        precision = true / np.maximum(true + false, np.finfo(np.float64).eps)
    return average_precision(true / count, precision, protocol)


def average_precision(recall: np.ndarray, precision: np.ndarray, protocol: str) -> np.ndarray:
    """The average precision of each curve, float64 [...] in 0..1: recall and precision float [..., n] in 0..1, recall
    not falling.

    "voc07" is the mean of the precision at 11 recalls (VOC 2007), "coco" at 101 recalls, "area" the area under the
    curve (VOC 2010 and later). The precision at a recall is the highest at that recall or a higher one.
    """
    best_from_here = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    if protocol == "area":
        steps = recall.copy()
        steps[..., 1:] -= recall[..., :-1]  # np.diff and its prepend take most of a bootstrap's time
        return np.asarray((steps * best_from_here).sum(axis=-1))
    recalls = RECALLS_COCO if protocol == "coco" else RECALLS_VOC07
    means = np.empty(recall.shape[:-1])
    for curve in np.ndindex(means.shape):
        means[curve] = np.append(best_from_here[curve], 0.0)[np.searchsorted(recall[curve], recalls)].mean()
    return means
