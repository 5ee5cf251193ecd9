"""YOLO26 and YOLOv10: raw heads to boxes without NMS; the post-processor of the host engine and of a board.

The one-to-one branch of these heads is trained to find each object once, so the best boxes are the result. A pipeline
names this module as its Python post-processor:

    "funcLanguage": "python", "pythonModule": "deploy.postprocess.end_to_end", "className": "EndToEndPostProcess"

What the model ends in is described in `anchor_free.py`. It needs Python 3.9, numpy and this project's folder on
Python's path. The config has the SDK's syntax:

    CLASS_NUM (required), REG_MAX (16), SCORE_THRESH (0.25), MAX_DET (300), SEPARATE_SCORE_THRESH (one a class)

The MAX_DET cells with the best classes stay, and of all their classes the MAX_DET best, whose sigmoid must be greater
than the threshold (Wang et al. 2024, arXiv 2405.14458, and ultralytics' head): a cell can answer with two classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.postprocess.anchor_free import (
    BINS,
    SCORE,
    AnchorFreePostProcess,
    boxes_of,
    pair_heads,
    promising,
    read_bins,
    read_class_num,
    sigmoid,
)
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import Geometry, to_source
from deploy.postprocess.object_config import separate_scores
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, OK, SdkFault

MOST = 300  # boxes of an image
_MOST_EVER = 100_000


@dataclass(frozen=True)
class EndToEndConfig:
    """Thresholds lie in 0..1; `separate_scores` is empty or has one threshold a class, on top of `score_threshold`."""

    class_num: int
    score_threshold: float = SCORE
    separate_scores: tuple[float, ...] = ()
    bins: int = BINS
    most: int = MOST


def read_end_to_end_config(values: KeyValues) -> EndToEndConfig:
    """Raises SdkFault 1016 where CLASS_NUM is missing, 1004 where a number is none or a list has the wrong length."""
    class_num, bins = read_class_num(values), read_bins(values)
    code, most = values.uint32("MAX_DET", MOST, 0, _MOST_EVER)
    if (code != OK and code != NO_EXIST) or not most:
        raise SdkFault(
            INVALID_PARAM,
            f"{values.name}: MAX_DET is {values.texts['MAX_DET']!r}; it is the most boxes of an image, "
            f"1 to {_MOST_EVER}",
        )
    _, score = values.number("SCORE_THRESH", SCORE, 0.0, 1.0)
    return EndToEndConfig(class_num, score, separate_scores(values, class_num), bins, most)


def decode(tensors: Sequence[np.ndarray], config: EndToEndConfig, geometry: Geometry) -> np.ndarray:
    """Boxes of one image: float32 [n, 6] = x0 y0 x1 y1 confidence class, in pixels of the original image.

    tensors: raw heads float32 [1, channels, h, w]. The order is falling confidence. Raises SdkFault 1004 where tensors
    do not pair.
    """
    pairs = pair_heads([tensor.shape for tensor in tensors], config.class_num, config.bins)
    with np.errstate(over="ignore", invalid="ignore"):  # logits may be anything
        levels = [_level(tensors[box][0], tensors[kind][0], config.score_threshold) for box, kind in pairs]
        boxes, logits = np.concatenate([found[0] for found in levels]), np.concatenate([found[1] for found in levels])
        cells = _best(logits.max(axis=1), config.most)
        picked = _best(logits[cells].reshape(-1), config.most)
        cells, classes = cells[picked // config.class_num], picked % config.class_num
        scores = sigmoid(logits[cells, classes])
        passes = scores > np.float32(config.score_threshold)
        if config.separate_scores:
            passes &= scores >= np.array(config.separate_scores, np.float32)[classes]
        cells, classes, scores = cells[passes], classes[passes], scores[passes]
        mapped, inside = to_source(np.clip(boxes[cells], 0, 1), geometry)
    out = np.empty((len(inside), 6), np.float32)
    out[:, :4], out[:, 4], out[:, 5] = mapped, scores[inside], classes[inside]
    return out


class EndToEndPostProcess(AnchorFreePostProcess):
    """The class that a pipeline names."""

    def read(self, values: KeyValues) -> EndToEndConfig:
        return read_end_to_end_config(values)

    def decoded(self, tensors: Sequence[np.ndarray], geometry: Geometry) -> np.ndarray:
        return decode(tensors, self.config, geometry)


def _level(box: np.ndarray, kind: np.ndarray, score: float) -> tuple[np.ndarray, np.ndarray]:
    """Boxes float32 [n, 4] in 0..1 of the network's input and logits float32 [n, classes] of the cells that may pass.

    box float32 [4 * bins, h, w], kind float32 [classes, h, w].
    """
    logits = kind.reshape(len(kind), -1)
    cells = promising(logits, score)
    return boxes_of(box, cells), logits[:, cells].T


def _best(values: np.ndarray, most: int) -> np.ndarray:
    """Where the largest values are, intp [min(n, most)], falling; equal ones in their order."""
    return np.argsort(-values, kind="stable")[:most]
