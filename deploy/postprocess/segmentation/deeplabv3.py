"""Scores of pixels to a mask, as the SDK's libdeeplabv3post.so does it. Source: MxBase Deeplabv3Post."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.resize_types import ONLY_PADDING
from deploy.postprocess.segmentation.config import SegmentationConfig, floats, has_classes, read_segmentation_config
from deploy.sdk_codes import FAILURE, INVALID_PARAM, SdkFault

TENSORFLOW, PYTORCH, MINDSPORE = range(3)


@dataclass(frozen=True)
class Deeplabv3Config(SegmentationConfig):
    """FRAMEWORK_TYPE: 0 TensorFlow, 1 PyTorch, 2 MindSpore; which of them says how the mask gets the image's size."""

    framework: int = TENSORFLOW


def read_deeplabv3_config(values: KeyValues) -> Deeplabv3Config:
    """As `read_segmentation_config`."""
    shared = read_segmentation_config(values)
    _, framework = values.integer("FRAMEWORK_TYPE", TENSORFLOW)
    return Deeplabv3Config(shared.class_num, shared.model_type, framework)


def check_deeplabv3_shapes(shapes: Sequence[Sequence[int]], config: Deeplabv3Config) -> None:
    """One output of one image, [1, height, width, classes] or [1, classes, height, width]. Raises SdkFault 1004."""
    if len(shapes) == 1 and len(shapes[0]) == 4 and shapes[0][0] == 1 and has_classes(shapes[0], config):
        return
    found = ", ".join(str(list(shape)) for shape in shapes)
    raise SdkFault(
        INVALID_PARAM,
        f"the model's outputs are {found}; CLASS_NUM={config.class_num} and MODEL_TYPE={config.model_type} take one of "
        "[1, height, width, classes] (0) or [1, classes, height, width] (1)",
    )


def decode_deeplabv3(outputs: Sequence[np.ndarray], config: Deeplabv3Config, geometry: Geometry) -> np.ndarray:
    """The class of each pixel, int [height, width]: of the original image, for PyTorch of the model's output.

    outputs[0] float32 (or another type of four bytes, read as one). TensorFlow reads it with the classes last, the
    others with the classes first, whatever MODEL_TYPE says. Raises SdkFault 1004, 1001 for another FRAMEWORK_TYPE.
    """
    check_deeplabv3_shapes([output.shape for output in outputs], config)
    shape = outputs[0].shape
    height, width = (shape[2], shape[3]) if config.model_type else (shape[1], shape[2])
    if config.framework == TENSORFLOW:
        mask = floats(outputs[0], (height, width, config.class_num)).argmax(-1)
        return _original_size(mask, geometry)
    if config.framework not in (PYTORCH, MINDSPORE):
        raise SdkFault(FAILURE, f"FRAMEWORK_TYPE is {config.framework}; expected 0, 1 or 2")
    scores = floats(outputs[0], (config.class_num, height, width))
    if config.framework == PYTORCH:
        return scores.argmax(0)
    return _of_the_long_side(scores, geometry)


def _original_size(mask: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Cut off the padding, where there is nothing else, or the nearest pixel."""
    height, width = geometry.source_height, geometry.source_width
    if geometry.resize_type == ONLY_PADDING:
        if height > mask.shape[0] or width > mask.shape[1]:
            raise SdkFault(
                INVALID_PARAM,
                f"the image has {width} x {height} px, the model's output only {mask.shape[1]} x {mask.shape[0]}",
            )
        return mask[:height, :width]
    rows, columns = np.arange(height) * mask.shape[0] // height, np.arange(width) * mask.shape[1] // width
    return mask[rows[:, None], columns]


def _of_the_long_side(scores: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The image fills the long side of a square from its corner; its scores are scaled before the best is taken."""
    import cv2  # the host's alone: what a board runs in Python has numpy and nothing else

    height, width = geometry.source_height, geometry.source_width
    rows, columns = scores.shape[1:]
    used = (rows, rows * width // height) if height > width else (columns * height // width, columns)
    if not 0 < used[0] <= rows or not 0 < used[1] <= columns:
        raise SdkFault(
            INVALID_PARAM,
            f"{width} x {height} px would fill {used[1]} x {used[0]} of the model's output, {columns} x {rows}",
        )
    best, mask = None, np.zeros((height, width), np.int64)
    for number, plane in enumerate(scores):  # a class at a time: all at once is a gigabyte for a large image
        scaled = cv2.resize(plane[: used[0], : used[1]], (width, height), interpolation=cv2.INTER_LINEAR)
        if best is None:
            best = scaled
            continue
        better = scaled > best
        mask[better], best = number, np.maximum(best, scaled)
    return mask
