"""Scores of pixels to a mask, as the SDK's libunetmindsporepostprocess.so does it. Source: MxBase UNetMindSpore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.resize_types import FAST_RCNN, FIT
from deploy.postprocess.segmentation.config import SegmentationConfig, floats, has_classes, read_segmentation_config
from deploy.sdk_codes import FAILURE, INVALID_PARAM, SdkFault

SCORES, CLASSES = range(2)
_BY_ONE_RATIO = (FAST_RCNN, FIT)


@dataclass(frozen=True)
class UnetConfig(SegmentationConfig):
    """POST_TYPE: 0 the model gives scores, 1 it gives classes; RESIZE_TYPE: 1 the mask gets the image's size."""

    post_type: int = SCORES
    resize_type: int = 1


def read_unet_config(values: KeyValues) -> UnetConfig:
    """As `read_segmentation_config`."""
    shared = read_segmentation_config(values)
    _, post_type = values.uint32("POST_TYPE", SCORES, 0, 16)
    _, resize_type = values.uint32("RESIZE_TYPE", 1, 0, 16)
    return UnetConfig(shared.class_num, shared.model_type, post_type, resize_type)


def check_unet_shapes(shapes: Sequence[Sequence[int]], config: UnetConfig) -> None:
    """The first output has four sides for scores and three for classes. Raises SdkFault 1004."""
    sides = 4 if config.post_type == SCORES else 3
    if shapes and len(shapes[0]) == sides:
        if sides == 4 and has_classes(shapes[0], config):
            return
        # of classes the SDK compares what MODEL_TYPE 0 and 1 say of scores: 0 never fits, 1 where a side is CLASS_NUM
        if sides == 3 and (config.model_type > 1 or (config.model_type == 1 and shapes[0][1] == config.class_num)):
            return
    found = list(shapes[0]) if shapes else "nothing"
    raise SdkFault(
        INVALID_PARAM,
        f"the model's first output is {found}; CLASS_NUM={config.class_num}, MODEL_TYPE={config.model_type} and "
        f"POST_TYPE={config.post_type} do not take that",
    )


def decode_unet(outputs: Sequence[np.ndarray], config: UnetConfig, geometry: Geometry) -> np.ndarray:
    """The class of each pixel, int [height, width]: of the original image, or, by RESIZE_TYPE, of the network.

    Scores are read with the classes first and in the size of the network's input, whatever the output's sides are.
    Raises SdkFault 1004, 1001 for another POST_TYPE.
    """
    check_unet_shapes([output.shape for output in outputs], config)
    if config.post_type == SCORES:
        mask = floats(outputs[0], (config.class_num, geometry.net_height, geometry.net_width)).argmax(0)
    elif config.post_type == CLASSES:
        mask = floats(outputs[0], outputs[0].shape[1:]).view(np.int32).astype(np.int64)
    else:
        raise SdkFault(FAILURE, f"POST_TYPE is {config.post_type}; expected 0 or 1")
    return _original_size(mask, geometry) if config.resize_type == 1 else mask


def _original_size(mask: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The nearest pixel; where a letterbox has more of the image than the mask has, class 0."""
    height, width = geometry.source_height, geometry.source_width
    down, across = geometry.net_height, geometry.net_width
    if geometry.resize_type in _BY_ONE_RATIO:
        ratio = np.float32(geometry.ratio)
        down, across = int(np.float32(height) * ratio), int(np.float32(width) * ratio)
    rows, columns = np.arange(height) * down // height, np.arange(width) * across // width
    made = np.zeros((height, width), mask.dtype)
    inside = np.ix_(rows < mask.shape[0], columns < mask.shape[1])
    made[inside] = mask[np.ix_(rows[rows < mask.shape[0]], columns[columns < mask.shape[1]])]
    return made
