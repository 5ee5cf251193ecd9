"""YOLOv5's raw heads to boxes on the original picture, as the SDK's new post-processing framework does it.

Source: MxBase Yolov3PostProcess with YOLO_VERSION=5. Thresholds are strict, a box has one class, boxes are clipped to
the network's input before suppression. The SDK's exponential is a table; this one is float32 exact, which differs by
less than 4e-6 in a confidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from deploy.postprocess.mapping import Geometry, to_source
from deploy.postprocess.nms import suppress
from deploy.postprocess.yolo_config import YoloConfig
from deploy.sdk_codes import INVALID_PARAM, SdkFault

_BOX_AND_OBJECTNESS = 5  # tx ty tw th objectness, then the classes
_LOGIT_MARGIN = 1e-3  # the sieve in front of the exact test lets a little more through than it needs


def check_shapes(shapes: Sequence[Sequence[int]], config: YoloConfig) -> None:
    """Refuse outputs that the config does not describe.

    Each shape must be [1, anchors_per_level, h, w, 5 + class_num] and there must be `levels` of them.
    Raises SdkFault 1004.
    """
    if len(shapes) != config.levels:
        raise SdkFault(INVALID_PARAM, f"the model has {len(shapes)} outputs, YOLO_TYPE says {config.levels}")
    channels = _BOX_AND_OBJECTNESS + config.class_num
    for shape in shapes:
        if len(shape) != 5 or shape[0] != 1 or shape[1] != config.anchors_per_level or shape[4] != channels:
            raise SdkFault(
                INVALID_PARAM,
                f"the model has an output of shape {list(shape)}; MODEL_TYPE=2 with "
                f"CLASS_NUM={config.class_num} and ANCHOR_DIM={config.anchors_per_level} takes "
                f"[1, {config.anchors_per_level}, h, w, {channels}]",
            )


def decode(tensors: Sequence[np.ndarray], config: YoloConfig, geometry: Geometry) -> np.ndarray:
    """Boxes of one picture: float32 [n, 6] = x0 y0 x1 y1 confidence class, in the SDK's order.

    tensors: raw logits float32 [1, anchors, h, w, 5 + classes], one per level, in any order; the coarsest has stride
    32. The order is classes ascending, then falling confidence. Coordinates are pixels of the original picture (0..1
    for resize types that the SDK does not map back). Raises SdkFault 1004 for tensors that do not fit the config.
    """
    check_shapes([tensor.shape for tensor in tensors], config)
    # A class probability never exceeds the objectness, so both thresholds sieve on the objectness logit alone.
    floor = _logit(max(config.objectness_threshold, config.score_threshold)) - _LOGIT_MARGIN
    logits, places = [], []
    for tensor in tensors:
        # the anchors belong to the level whose stride the map's width implies
        ratio = tensor.shape[3] * 32 / geometry.net_width
        group = config.levels - 1 - int(math.log2(ratio)) if ratio > 0 else -1
        if not 0 <= group < config.levels:
            break  # as the SDK: the maps so far count, the rest is lost without an error code
        anchor_num, height, width, channels = tensor.shape[1:]
        cells = tensor.reshape(anchor_num, height * width, channels)
        # cells first, anchors second: the scan order, in which equal scores stay
        scan = np.flatnonzero((cells[:, :, 4] > floor).T)
        if len(scan):
            cell, anchor = np.divmod(scan, anchor_num)
            logits.append(cells[anchor, cell])
            places.append(_place(cell, anchor, width, height, _anchors(config, group)))
    if not logits:
        return np.empty((0, 6), np.float32)
    candidates = _boxes(np.concatenate(logits), np.concatenate(places, axis=1), config, geometry)
    classes = candidates[:, 5].astype(np.intp)
    candidates = candidates[suppress(candidates[:, :4], candidates[:, 4], classes, config.iou_threshold)]
    boxes, kept = to_source(candidates[:, :4], geometry)
    return np.concatenate([boxes, candidates[kept, 4:]], axis=1)


def _anchors(config: YoloConfig, group: int) -> np.ndarray:
    """Anchor widths and heights of one group: float32 [anchors, 2], pixels of the network's input."""
    numbers = config.anchors_per_level * 2
    return np.array(config.biases[group * numbers : (group + 1) * numbers], np.float32).reshape(-1, 2)


def _place(cell: np.ndarray, anchor: np.ndarray, width: int, height: int, anchors: np.ndarray) -> np.ndarray:
    """Where candidates sit, float32 [6, n]: column, row, map width and height in cells, anchor width and height."""
    place = np.empty((6, len(cell)), np.float32)
    place[1], place[0] = np.divmod(cell, width)
    place[2], place[3] = width, height
    place[4:] = anchors[anchor].T
    return place


def _boxes(logits: np.ndarray, place: np.ndarray, config: YoloConfig, geometry: Geometry) -> np.ndarray:
    """The exact tests and the boxes: float32 [n, 6], x0 y0 x1 y1 in 0..1 of the network's input, confidence, class."""
    with np.errstate(over="ignore"):
        values = 1 / (1 + np.exp(-logits))
    objectness = values[:, 4]
    scores = values[:, _BOX_AND_OBJECTNESS:] * objectness[:, None]
    if not scores.size:
        return np.empty((0, 6), np.float32)
    classes = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), classes]
    passes = (objectness > np.float32(config.objectness_threshold)) & (best > np.float32(config.score_threshold))
    if config.separate_scores:
        passes &= best >= np.array(config.separate_scores, np.float32)[classes]
    out = np.empty((np.count_nonzero(passes), 6), np.float32)
    out[:, 4], out[:, 5] = best[passes], classes[passes]
    doubled = values[passes, :4].T * 2
    place = place[:, passes]
    centre = (place[:2] + doubled[:2] - 0.5) / place[2:4]
    net = np.array([[geometry.net_width], [geometry.net_height]], np.float32)
    half = doubled[2:] ** 2 * place[4:] / net / 2
    np.maximum((centre - half).T, 0, out=out[:, :2])
    np.minimum((centre + half).T, 1, out=out[:, 2:4])
    return out


def _logit(probability: float) -> float:
    if probability <= 0:
        return -math.inf
    return math.inf if probability >= 1 else math.log(probability / (1 - probability))
