"""YOLOv3, v4 and v5: raw heads to boxes on the original image, as the SDK's new post-processing framework does it.

Source: MxBase Yolov3PostProcess, the one library for all three. Boxes are clipped to the network's input before they
are suppressed, class by class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from deploy.postprocess.candidates import Candidates, Thresholds, boxes_v3, boxes_v5, from_logits, from_probabilities
from deploy.postprocess.levels import (
    COARSEST_STRIDE,
    Level,
    anchor_group,
    axes,
    level_number,
    make_level,
)
from deploy.postprocess.mapping import Geometry, to_source
from deploy.postprocess.nms import suppress
from deploy.postprocess.yolo_config import NCHW, NCHWC, NHWC, YoloConfig
from deploy.sdk_codes import INVALID_PARAM, SdkFault

_BOX_AND_OBJECTNESS = 5
_LAYOUTS = {NHWC: "[1, h, w, {}]", NCHW: "[1, {}, h, w]", NCHWC: "[1, {anchors}, h, w, {channels}]"}


def check_shapes(shapes: Sequence[Sequence[int]], config: YoloConfig) -> None:
    """Refuse outputs that the config does not describe.

    There must be `levels` of them, each [1, anchors, h, w, 5 + classes] (MODEL_TYPE 2), [1, h, w, anchors * (5 +
    classes)] with the last axis in one or several (0), or [1, anchors * (5 + classes), h, w], likewise (1).
    Raises SdkFault 1004.
    """
    if len(shapes) != config.levels:
        raise SdkFault(INVALID_PARAM, f"the model has {len(shapes)} outputs, YOLO_TYPE says {config.levels}")
    channels = _BOX_AND_OBJECTNESS + config.class_num
    for shape in shapes:
        if not _fits(shape, config.layout, config.anchors_per_level * channels):
            wanted = _LAYOUTS[config.layout].format(
                config.anchors_per_level * channels, anchors=config.anchors_per_level, channels=channels
            )
            raise SdkFault(
                INVALID_PARAM,
                f"the model has an output of shape {list(shape)}; MODEL_TYPE={config.layout} with "
                f"CLASS_NUM={config.class_num} and ANCHOR_DIM={config.anchors_per_level} takes {wanted}",
            )


def decode(tensors: Sequence[np.ndarray], config: YoloConfig, geometry: Geometry) -> np.ndarray:
    """Boxes of one image: float32 [n, 6] = x0 y0 x1 y1 confidence class, in the SDK's order.

    tensors: raw heads as `check_shapes` wants them, float32, one per level, in any order; the coarsest has stride 32.
    The order is classes ascending, then falling confidence. Coordinates are pixels of the original image (0..1 for
    resize types that the SDK does not map back). Raises SdkFault 1004 for tensors that do not fit the config.
    """
    levels = _levels(tuple(tensor.shape for tensor in tensors), config, geometry.net_width)
    return decode_levels(tensors, levels, config, geometry)


def decode_levels(
    tensors: Sequence[np.ndarray], levels: Sequence[Level], config: YoloConfig, geometry: Geometry
) -> np.ndarray:
    """As `decode`, of heads whose anchors are known: a level for each tensor, up to the first one without."""
    thresholds = Thresholds(config.objectness_threshold, config.score_threshold, config.separate_scores)
    finished = (config.version, config.layout) == (4, NHWC)  # MindSpore's model hands out boxes, not logits
    with np.errstate(over="ignore", invalid="ignore"):  # logits may be anything
        candidates = (from_probabilities if finished else from_logits)(tensors, levels, thresholds)
        if candidates is None:
            return np.empty((0, 6), np.float32)
        boxes = _corners(candidates, config, geometry, finished)
        kept = suppress(boxes, candidates.scores, candidates.classes, config.iou_threshold)
        mapped, inside = to_source(boxes[kept], geometry)
    kept = kept[inside]
    out = np.empty((len(kept), 6), np.float32)
    out[:, :4], out[:, 4], out[:, 5] = mapped, candidates.scores[kept], candidates.classes[kept]
    return out


def _fits(shape: Sequence[int], layout: int, channels: int) -> bool:
    """Is it an image's head with that many channels, all anchors taken together?"""
    if len(shape) < (5 if layout == NCHWC else 4) or shape[0] != 1:
        return False
    if layout == NCHWC:
        return shape[1] * shape[4] == channels
    return math.prod(shape[3:] if layout == NHWC else shape[1:-2]) == channels


@lru_cache(maxsize=16)
def _levels(shapes: tuple[tuple[int, ...], ...], config: YoloConfig, net_width: int) -> list[Level]:
    """The heads with their anchors, which belong to the level that the map's width implies; checked.

    As in the SDK, a head for which BIASES has no group ends the walk: the heads so far count, the rest is lost without
    an error code.
    """
    check_shapes(shapes, config)
    levels = []
    vertical, horizontal = axes(config.layout)
    for shape in shapes:
        height, width = shape[vertical], shape[horizontal]
        number = level_number(width * COARSEST_STRIDE / net_width)
        group = config.levels - 1 - number if number is not None else -1
        anchors = anchor_group(config.biases, group, config.anchors_per_level)
        if anchors is None:
            break
        channels = _BOX_AND_OBJECTNESS + config.class_num
        level = make_level(config.layout, height, width, channels, anchors)
        if level.count > math.prod(shape):
            raise SdkFault(
                INVALID_PARAM,
                f"an output of shape {list(shape)} is too small for {config.anchors_per_level} anchors of "
                f"{channels} numbers on {height} x {width} cells",
            )
        levels.append(level)
    return levels


def _corners(candidates: Candidates, config: YoloConfig, geometry: Geometry, finished: bool) -> np.ndarray:
    """Boxes float32 [n, 4], x0 y0 x1 y1 in 0..1 of the network's input, clipped to it."""
    if finished:
        centre, size = candidates.raw[:2], candidates.raw[2:]
    else:
        decoder = boxes_v5 if config.version == 5 else boxes_v3
        centre, size = decoder(candidates, geometry.net_width, geometry.net_height)
    half = size / 2
    out = np.empty((centre.shape[1], 4), np.float32)
    np.maximum((centre - half).T, 0, out=out[:, :2])
    np.minimum((centre + half).T, 1, out=out[:, 2:])
    return out
