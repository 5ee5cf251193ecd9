"""YOLOv8 and other anchor-free heads with NMS: raw heads to boxes; the post-processor of host engine and board.

No library of the SDK decodes YOLOv8, so a pipeline names this module as its Python post-processor:

    "funcLanguage": "python", "pythonModule": "deploy.postprocess.yolov8", "className": "Yolov8PostProcess"

What the model ends in is described in `anchor_free.py`. It needs Python 3.9, numpy and this project's folder on
Python's path. The config has the SDK's syntax:

    CLASS_NUM (required), REG_MAX (16), SCORE_THRESH (0.25), IOU_THRESH (0.7), SEPARATE_SCORE_THRESH (one a class)

A box has its best class, whose sigmoid must be greater than the threshold; boxes of a class are suppressed before they
are clipped to the network's input.
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
from deploy.postprocess.nms import suppress
from deploy.postprocess.object_config import separate_scores

_IOU = 0.7


@dataclass(frozen=True)
class Yolov8Config:
    """Thresholds lie in 0..1; `separate_scores` is empty or has one threshold a class, on top of `score_threshold`."""

    class_num: int
    score_threshold: float = SCORE
    iou_threshold: float = _IOU
    separate_scores: tuple[float, ...] = ()
    bins: int = BINS


def read_yolov8_config(values: KeyValues) -> Yolov8Config:
    """Raises SdkFault 1016 where CLASS_NUM is missing, 1004 where a number is none or a list has the wrong length."""
    class_num, bins = read_class_num(values), read_bins(values)
    _, score = values.number("SCORE_THRESH", SCORE, 0.0, 1.0)
    _, iou = values.number("IOU_THRESH", _IOU, 0.0, 1.0)
    return Yolov8Config(class_num, score, iou, separate_scores(values, class_num), bins)


def decode(tensors: Sequence[np.ndarray], config: Yolov8Config, geometry: Geometry) -> np.ndarray:
    """Boxes of one image: float32 [n, 6] = x0 y0 x1 y1 confidence class, in pixels of the original image.

    tensors: raw heads float32 [1, channels, h, w]. The order is classes ascending, then falling confidence. Raises
    SdkFault 1004 where tensors do not pair.
    """
    pairs = pair_heads([tensor.shape for tensor in tensors], config.class_num, config.bins)
    with np.errstate(over="ignore", invalid="ignore"):  # logits may be anything
        levels = [found for box, kind in pairs if (found := _level(tensors[box][0], tensors[kind][0], config))]
        if not levels:
            return np.empty((0, 6), np.float32)
        boxes, scores, classes = (np.concatenate(parts) for parts in zip(*levels))
        kept = suppress(boxes, scores, classes, config.iou_threshold)
        mapped, inside = to_source(np.clip(boxes[kept], 0, 1), geometry)
    kept = kept[inside]
    out = np.empty((len(kept), 6), np.float32)
    out[:, :4], out[:, 4], out[:, 5] = mapped, scores[kept], classes[kept]
    return out


class Yolov8PostProcess(AnchorFreePostProcess):
    """The class that a pipeline names."""

    def read(self, values: KeyValues) -> Yolov8Config:
        return read_yolov8_config(values)

    def decoded(self, tensors: Sequence[np.ndarray], geometry: Geometry) -> np.ndarray:
        return decode(tensors, self.config, geometry)


def _level(box: np.ndarray, kind: np.ndarray, config: Yolov8Config) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """What one level finds: boxes float32 [n, 4] in 0..1 of the network's input, scores float32 [n], classes intp [n].

    box float32 [4 * bins, h, w], kind float32 [classes, h, w]. None where nothing passes.
    """
    logits = kind.reshape(len(kind), -1)
    cells = promising(logits, config.score_threshold)
    if not len(cells):
        return None
    logits = logits[:, cells]
    classes = logits.argmax(axis=0)
    scores = sigmoid(logits[classes, np.arange(len(cells))])
    passes = scores > np.float32(config.score_threshold)
    if config.separate_scores:
        passes &= scores >= np.array(config.separate_scores, np.float32)[classes]
    cells = cells[passes]
    if not len(cells):
        return None
    return boxes_of(box, cells), scores[passes], classes[passes]
