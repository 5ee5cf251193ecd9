"""YOLOv5 and v3 as the SDK's old post-processing framework decodes them, inside mxpi_modelinfer.

Source: MxpiYolov5PostProcessor and Yolov3PostProcessor. Unlike in the new framework, boxes beyond the network's input
are suppressed as they are and clipped later, and shapes are hardly checked: a wrong CLASS_NUM or MODEL_TYPE gives
garbage, not an error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from deploy.postprocess.candidates import Candidates, Thresholds, boxes_v3, boxes_v5, from_logits
from deploy.postprocess.levels import COARSEST_STRIDE, Level, anchor_group, axes, level_number, make_level
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.nms import suppress
from deploy.postprocess.sdk2.config import Sdk2Config
from deploy.postprocess.sdk2.mapping import from_letterbox, to_source_v3, undo_centre_padding
from deploy.sdk_codes import FAILURE, INVALID_PARAM, OUT_OF_RANGE, SdkFault

_BOX_AND_OBJECTNESS = 5
_FLOAT_BYTES = 4
_EXPECTED_OUTPUTS = 3  # YOLO_TYPE is read too late to count for YOLOv5's check
# The library hands on whether two codes differ, which is 1, instead of the code.
NO_LEVELS = 1

Shapes = tuple[tuple[int, ...], ...]


def check_outputs(shapes: Sequence[Sequence[int]], count: int = _EXPECTED_OUTPUTS, value_bytes: int = 4) -> None:
    """What the library checks before it reads the config.

    Raises SdkFault 1001 for a wrong number of outputs or a rank below four, 1004 for values that have not four bytes.
    """
    if len(shapes) != count or not shapes:
        raise SdkFault(FAILURE, f"the model has {len(shapes)} outputs; the post-processor takes {count}")
    if len(shapes[0]) < 4:
        raise SdkFault(FAILURE, f"the model has an output of shape {list(shapes[0])}; it must have four axes or more")
    if value_bytes != _FLOAT_BYTES:
        raise SdkFault(
            INVALID_PARAM, f"the model's outputs have {value_bytes} bytes a value; the post-processor takes 4"
        )


def check_axes(shapes: Sequence[Sequence[int]], config: Sdk2Config) -> None:
    """Raises SdkFault 1009 for a shape that has no axis where the config says that height and width are."""
    for shape in shapes:
        if len(shape) <= max(axes(config.size_layout)):
            raise SdkFault(
                OUT_OF_RANGE, f"the model has an output of shape {list(shape)}; it must have four axes or more"
            )


def check_shapes_v3(shapes: Sequence[Sequence[int]], input_shape: Sequence[int], config: Sdk2Config) -> None:
    """YOLOv3's check once the config is read; `input_shape` is the model's input on the board.

    Raises SdkFault 1001 for a wrong number or rank, 1004 for a first output that does not fit CLASS_NUM and ANCHOR_DIM
    or whose sides are no multiples of the input's divided by 32.
    """
    if not config.check_model:
        return
    check_outputs(shapes, config.levels)
    shape = shapes[0]
    down, across = axes(config.size_layout)
    inner = shape[3:] if config.size_layout == 0 else shape[1:-2]
    channels = config.anchors_per_level * (config.class_num + _BOX_AND_OBJECTNESS)
    sides = (1, 2) if config.input_last else (2, 3)
    steps = [input_shape[side] // COARSEST_STRIDE for side in sides]
    fits = all(step and shape[axis] % step == 0 for axis, step in zip((down, across), steps))
    if math.prod(inner) != channels or not fits:
        raise SdkFault(
            INVALID_PARAM,
            f"the model has an output of shape {list(shape)} for an input of shape {list(input_shape)}; with "
            f"CLASS_NUM={config.class_num} and ANCHOR_DIM={config.anchors_per_level} it must have {channels} channels "
            "and sides that are multiples of the input's divided by 32",
        )


def decode_v5(tensors: Sequence[np.ndarray], config: Sdk2Config, geometry: Geometry, input_width: int) -> np.ndarray:
    """Boxes of one image: float32 [n, 6] = x0 y0 x1 y1 confidence class, in pixels of the original image.

    `input_width` is the third number of the model's input shape on the board. Always mapped back as from a letterbox at
    the top left, whatever the resize type. Raises SdkFault 1 where a level has no anchors, 1004 for a tensor with too
    few numbers for the config.
    """
    levels = _levels_v5(tuple(tensor.shape for tensor in tensors), config, input_width)
    with np.errstate(over="ignore", invalid="ignore"):  # logits may be anything
        found = from_logits(tensors, levels, Thresholds(config.objectness_threshold, config.score_threshold))
        if found is None:
            return np.empty((0, 6), np.float32)
        centre, size = boxes_v5(found, geometry.net_width, geometry.net_height)
        if config.undo_padding:
            centre, size = undo_centre_padding(centre, size, geometry)
        kept = _suppress(found, centre, size, config)
        return _rows(from_letterbox(centre[:, kept], size[:, kept], geometry), found, kept)


def decode_v3(tensors: Sequence[np.ndarray], config: Sdk2Config, geometry: Geometry, input_width: int) -> np.ndarray:
    """As `decode_v5`, for YOLOv3: mapped back by resize type, and where levels do not fit no boxes and no fault."""
    levels = _levels_v3(tuple(tensor.shape for tensor in tensors), config, input_width)
    with np.errstate(over="ignore", invalid="ignore"):
        found = from_logits(tensors, levels, Thresholds(config.objectness_threshold, config.score_threshold))
        if found is None:
            return np.empty((0, 6), np.float32)
        centre, size = boxes_v3(found, geometry.net_width, geometry.net_height)
        kept = _suppress(found, centre, size, config)
        if config.separate_scores:
            least = np.array(config.separate_scores, np.float32)[found.classes[kept]]
            kept = kept[found.scores[kept] > least]
        boxes, inside = to_source_v3(centre[:, kept], size[:, kept], geometry)
        return _rows(boxes, found, kept[inside])


def _suppress(found: Candidates, centre: np.ndarray, size: np.ndarray, config: Sdk2Config) -> np.ndarray:
    half = size / 2
    corners = np.concatenate([centre - half, centre + half]).T
    return suppress(corners, found.scores, found.classes, config.iou_threshold, size[0] * size[1])


def _rows(boxes: np.ndarray, found: Candidates, kept: np.ndarray) -> np.ndarray:
    out = np.empty((len(kept), 6), np.float32)
    out[:, :4], out[:, 4], out[:, 5] = boxes, found.scores[kept], found.classes[kept]
    return out


@lru_cache(maxsize=16)
def _levels_v5(shapes: Shapes, config: Sdk2Config, input_width: int) -> tuple[Level, ...]:
    """Anchors go by the quotient of map and input, a whole number before its logarithm is taken."""
    levels = _levels(
        shapes, config, [shape[axes(config.size_layout)[1]] * COARSEST_STRIDE // input_width for shape in shapes]
    )
    if levels is None:
        raise SdkFault(
            NO_LEVELS,
            f"outputs of shapes {[list(shape) for shape in shapes]} have no anchors among BIASES for each level",
        )
    for shape, level in zip(shapes, levels):
        if math.prod(shape) < level.count:
            raise SdkFault(
                INVALID_PARAM,
                f"an output of shape {list(shape)} is too small for CLASS_NUM={config.class_num}, "
                f"ANCHOR_DIM={config.anchors_per_level}",
            )
    return levels


@lru_cache(maxsize=16)
def _levels_v3(shapes: Shapes, config: Sdk2Config, input_width: int) -> tuple[Level, ...]:
    """None of them where one does not fit, which is no fault."""
    across = axes(config.size_layout)[1]
    levels = _levels(shapes, config, [shape[across] * COARSEST_STRIDE / input_width for shape in shapes]) or ()
    fit = all(math.prod(shape) >= level.count for shape, level in zip(shapes, levels))
    return levels if fit else ()


def _levels(shapes: Shapes, config: Sdk2Config, scales: Sequence[float]) -> tuple[Level, ...] | None:
    """The first YOLO_TYPE outputs with their anchors; None where there are too few outputs or anchors."""
    if len(shapes) < config.levels:
        return None
    levels = []
    down, across = axes(config.size_layout)
    for shape, scale in zip(shapes[: config.levels], scales):
        number = level_number(scale)
        group = config.levels - 1 - number if number is not None else -1
        anchors = anchor_group(config.biases, group, config.anchors_per_level)
        if anchors is None:
            return None
        channels = _BOX_AND_OBJECTNESS + config.class_num
        levels.append(make_level(config.layout, shape[down], shape[across], channels, anchors))
    return tuple(levels)
