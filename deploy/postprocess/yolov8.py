"""YOLOv8: six raw heads to boxes on the original image; the post-processor of the host engine and of a board.

No library of the SDK decodes YOLOv8, so a pipeline names this module as its Python post-processor:

    "funcLanguage": "python", "pythonModule": "deploy.postprocess.yolov8", "className": "Yolov8PostProcess"

The model ends in its head convolutions: for each level a box branch [1, 64, h, w] (four sides times 16 bins, left, top,
right, bottom) and a class branch [1, classes, h, w], without softmax and sigmoid, in any order. It needs Python 3.9,
numpy and this project's folder on Python's path. The config has the SDK's syntax:

    CLASS_NUM (required), SCORE_THRESH (0.25), IOU_THRESH (0.7), SEPARATE_SCORE_THRESH (a list, one a class)

A box's side is the mean of its bins, weighted by their softmax (Distribution Focal Loss, Li et al. 2020), in units of
the level's stride from the centre of the cell. A box has its best class, whose sigmoid must be greater than the
threshold; boxes of a class are suppressed before they are clipped to the network's input.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.labels import read_labels
from deploy.postprocess.mapping import Geometry, to_source
from deploy.postprocess.nms import suppress
from deploy.postprocess.object_config import separate_scores
from deploy.postprocess.sdk_objects import object_info_class
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, OK, SdkFault

BINS = 16  # of a side; the model's reg_max
_SIDES = 4
_SCORE, _IOU = 0.25, 0.7
# The sieve in front of the exact test works on logits and lets a little more through than it needs.
_SIEVE_SLACK = 1e-4


@dataclass(frozen=True)
class Yolov8Config:
    """Thresholds lie in 0..1; `separate_scores` is empty or has one threshold a class, on top of `score_threshold`."""

    class_num: int
    score_threshold: float = _SCORE
    iou_threshold: float = _IOU
    separate_scores: tuple[float, ...] = ()


def read_yolov8_config(values: KeyValues) -> Yolov8Config:
    """Raises SdkFault 1016 where CLASS_NUM is missing, 1004 where it is no number or a list has the wrong length."""
    code, class_num = values.uint32("CLASS_NUM", 0, 0, 1000)
    if code != OK or not class_num:
        found = "is missing" if code == NO_EXIST else f"is {values.texts['CLASS_NUM']!r}"
        raise SdkFault(
            code or INVALID_PARAM, f"{values.name}: CLASS_NUM {found}; it is the number of classes, 1 to 1000"
        )
    _, score = values.number("SCORE_THRESH", _SCORE, 0.0, 1.0)
    _, iou = values.number("IOU_THRESH", _IOU, 0.0, 1.0)
    return Yolov8Config(class_num, score, iou, separate_scores(values, class_num))


def pair_heads(shapes: Sequence[Sequence[int]], class_num: int) -> list[tuple[int, int]]:
    """Which outputs belong together: (box branch, class branch) of each level, the finest level first.

    They are told apart by their channels; with 64 classes both have 64, and then the earlier output of a level is its
    box branch. Raises SdkFault 1004 where outputs do not pair.
    """
    levels: dict[tuple[int, int], list[int]] = {}
    for index, shape in enumerate(shapes):
        if len(shape) != 4 or shape[0] < 1:
            raise _unpaired(shapes, class_num)
        levels.setdefault((shape[2], shape[3]), []).append(index)
    pairs = []
    for size in sorted(levels, reverse=True):
        members = sorted(levels[size], key=lambda index: shapes[index][1] != _SIDES * BINS)
        channels = [shapes[index][1] for index in members]
        if channels != [_SIDES * BINS, class_num]:
            raise _unpaired(shapes, class_num)
        pairs.append((members[0], members[1]))
    if not pairs:
        raise _unpaired(shapes, class_num)
    return pairs


def decode(tensors: Sequence[np.ndarray], config: Yolov8Config, geometry: Geometry) -> np.ndarray:
    """Boxes of one image: float32 [n, 6] = x0 y0 x1 y1 confidence class, in pixels of the original image.

    tensors: raw heads float32 [1, channels, h, w]. The order is classes ascending, then falling confidence. Raises
    SdkFault 1004 where tensors do not pair.
    """
    pairs = pair_heads([tensor.shape for tensor in tensors], config.class_num)
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


class Yolov8PostProcess:
    """The class that a pipeline names, with the constructor and the `process` of the SDK's Python post-processors."""

    def __init__(
        self, config_path: str = "", label_path: str = "", config_data: Mapping[str, str] | None = None
    ) -> None:
        values = KeyValues.from_file(Path(config_path)) if not config_data else KeyValues(dict(config_data), "config")
        self.config = read_yolov8_config(values)
        self.labels = read_labels(Path(label_path)) if label_path else []
        self._object_info = object_info_class()

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        """What the host engine asks when the stream is created. Raises SdkFault 1004."""
        pair_heads(shapes, self.config.class_num)

    def process(self, tensors: Sequence[Any], params: Sequence[Any]) -> list[list[Any]]:
        """The detections of each image. tensors: [images, channels, h, w] each; params: a ResizedImageInfo each."""
        for tensor in tensors:
            if hasattr(tensor, "to_host"):
                tensor.to_host()
        arrays = [np.asarray(tensor, np.float32) for tensor in tensors]
        infos = params if isinstance(params, Sequence) else [params]
        return [self._objects([array[i : i + 1] for array in arrays], info) for i, info in enumerate(infos)]

    def _objects(self, tensors: Sequence[np.ndarray], info: Any) -> list[Any]:
        geometry = Geometry(
            info.widthResize,
            info.heightResize,
            info.widthOriginal,
            info.heightOriginal,
            int(info.resizeType),
            info.keepAspectRatioScaling,
        )
        objects = []
        for row in decode(tensors, self.config, geometry).tolist():
            found = self._object_info()
            found.x0, found.y0, found.x1, found.y1, found.confidence, found.classId = row
            class_id = int(row[5])
            found.className = self.labels[class_id] if class_id < len(self.labels) else ""
            objects.append(found)
        return objects


def _level(box: np.ndarray, kind: np.ndarray, config: Yolov8Config) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """What one level finds: boxes float32 [n, 4] in 0..1 of the network's input, scores float32 [n], classes intp [n].

    box float32 [64, h, w], kind float32 [classes, h, w]. None where nothing passes.
    """
    _, height, width = box.shape
    logits = kind.reshape(len(kind), -1)
    cells = np.flatnonzero(logits.max(axis=0) > _logit(config.score_threshold * (1 - _SIEVE_SLACK)))
    if not len(cells):
        return None
    logits = logits[:, cells]
    classes = logits.argmax(axis=0)
    scores = 1 / (1 + np.exp(-logits[classes, np.arange(len(cells))]))
    passes = scores > np.float32(config.score_threshold)
    if config.separate_scores:
        passes &= scores >= np.array(config.separate_scores, np.float32)[classes]
    cells = cells[passes]
    if not len(cells):
        return None
    sides = _sides(box.reshape(_SIDES, BINS, -1)[:, :, cells])
    row, column = np.divmod(cells, width)
    centre = np.stack([column, row]).astype(np.float32) + np.float32(0.5)
    scale = np.array([[width], [height]], np.float32)
    boxes = np.concatenate([(centre - sides[:2]) / scale, (centre + sides[2:]) / scale]).T
    return boxes, scores[passes], classes[passes]


def _sides(bins: np.ndarray) -> np.ndarray:
    """Distances float32 [4, n] in cells from the bins' logits float32 [4, 16, n]."""
    weights = np.exp(bins - bins.max(axis=1, keepdims=True))
    steps = np.arange(BINS, dtype=np.float32)[None, :, None]
    return (weights * steps).sum(axis=1) / weights.sum(axis=1)


def _logit(probability: float) -> float:
    if probability <= 0:
        return -math.inf
    return math.inf if probability >= 1 else math.log(probability / (1 - probability))


def _unpaired(shapes: Sequence[Sequence[int]], class_num: int) -> SdkFault:
    found = ", ".join(str(list(shape)) for shape in shapes) or "none"
    return SdkFault(
        INVALID_PARAM,
        f"the model's outputs are {found}; YOLOv8 with CLASS_NUM={class_num} has [1, {_SIDES * BINS}, h, w] and "
        f"[1, {class_num}, h, w] for each level",
    )
