"""What the SDK's post-processors of segmentation share: the configuration and the layout of the model's output.

Source: MxBase SemanticSegPostProcessBase and TensorArrangementType.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.postprocess.key_values import KeyValues
from deploy.sdk_codes import INVALID_PARAM, OK, SdkFault

CHANNELS_LAST, CHANNELS_FIRST = 0, 1
"""MODEL_TYPE: [1, height, width, classes] or [1, classes, height, width]; 2 and 3 have no side of classes."""
MOST_CLASSES = 1000


@dataclass(frozen=True)
class SegmentationConfig:
    """CLASS_NUM (0..1000) and MODEL_TYPE (0..100)."""

    class_num: int
    model_type: int = CHANNELS_LAST


def read_segmentation_config(values: KeyValues) -> SegmentationConfig:
    """What is missing has its default, with which the SDK goes on; without CLASS_NUM it reads no MODEL_TYPE either."""
    code, class_num = values.uint32("CLASS_NUM", 0, 0, MOST_CLASSES)
    if code != OK:
        return SegmentationConfig(class_num)
    _, model_type = values.integer("MODEL_TYPE", CHANNELS_LAST, 0, 100)
    return SegmentationConfig(class_num, model_type)


def has_classes(shape: Sequence[int], config: SegmentationConfig) -> bool:
    """Whether an output of four sides has CLASS_NUM classes where MODEL_TYPE says that they are."""
    if config.model_type in (CHANNELS_LAST, CHANNELS_FIRST):
        return shape[3 if config.model_type == CHANNELS_LAST else 1] == config.class_num
    return True


def floats(output: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The first values of an output as float32 of that shape. Raises SdkFault 1004 for other than four bytes."""
    if output.dtype.itemsize != 4:
        raise SdkFault(INVALID_PARAM, f"the model's output is {output.dtype}; it has to be of four bytes")
    count = int(np.prod(shape))
    values = np.ascontiguousarray(output).reshape(-1).view(np.float32)
    if count > values.size:
        raise SdkFault(INVALID_PARAM, f"the model's output has {values.size} values; {list(shape)} needs {count}")
    return values[:count].reshape(shape)
