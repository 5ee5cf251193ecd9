"""YOLOv5 with any number of levels: raw heads to boxes; the post-processor of the host engine and of a board.

The SDK's library takes the coarsest level for stride 32 and has room for 3 anchors a level, so it decodes heads of
other strides (P2, P34, P6, P7, YOLOv3-tiny) with wrong anchors and says nothing. A pipeline of such a model names this
module as its Python post-processor:

    "funcLanguage": "python", "pythonModule": "deploy.postprocess.anchor_based", "className": "AnchorBasedPostProcess"

The model ends in [1, anchors, h, w, 5 + classes] for each level, in any order, without sigmoid and decoding. It needs
Python 3.9, numpy and this project's folder on Python's path. The config has the keys that the SDK's YOLOv5 has; BIASES
go from the finest level to the coarsest, and YOLO_TYPE is the number of levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.levels import Level, make_level
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.python_post import PythonPostProcess
from deploy.postprocess.yolo import check_shapes, decode_levels
from deploy.postprocess.yolo_config import NCHWC, YoloConfig, read_yolo_config
from deploy.sdk_codes import INVALID_PARAM, SdkFault

_VERSION = 5


def read_anchor_based_config(values: KeyValues) -> YoloConfig:
    """Raises SdkFault 1016 where CLASS_NUM is missing, 1004 where the other keys do not describe a YOLOv5."""
    config = read_yolo_config(values)
    if (config.version, config.layout) != (_VERSION, NCHWC):
        raise SdkFault(
            INVALID_PARAM,
            f"{values.name}: YOLO_VERSION={config.version} with MODEL_TYPE={config.layout}; anchor_based.py decodes "
            "YOLO_VERSION=5 with MODEL_TYPE=2",
        )
    expected = config.levels * config.anchors_per_level * 2
    if len(config.biases) != expected:
        raise SdkFault(
            INVALID_PARAM,
            f"{values.name}: BIASES has {len(config.biases)} numbers; YOLO_TYPE={config.levels} levels of "
            f"ANCHOR_DIM={config.anchors_per_level} anchors have {expected}",
        )
    return config


def decode(tensors: Sequence[np.ndarray], config: YoloConfig, geometry: Geometry) -> np.ndarray:
    """Boxes of one image: float32 [n, 6] = x0 y0 x1 y1 confidence class, in pixels of the original image.

    tensors: raw heads float32 [1, anchors, h, w, 5 + classes]. The order is classes ascending, then falling confidence.
    Raises SdkFault 1004 for tensors that do not fit the config.
    """
    heads = sorted(tensors, key=lambda tensor: -tensor.shape[2] * tensor.shape[3])
    levels = _levels(tuple(head.shape for head in heads), config)
    return decode_levels(heads, levels, config, geometry)


class AnchorBasedPostProcess(PythonPostProcess):
    """The class that a pipeline names."""

    def read(self, values: KeyValues) -> YoloConfig:
        return read_anchor_based_config(values)

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        check_shapes(shapes, self.config)

    def decoded(self, tensors: Sequence[np.ndarray], geometry: Geometry) -> np.ndarray:
        return decode(tensors, self.config, geometry)


@lru_cache(maxsize=16)
def _levels(shapes: tuple[tuple[int, ...], ...], config: YoloConfig) -> list[Level]:
    """The heads with their anchors, both from the finest level to the coarsest."""
    check_shapes(shapes, config)
    anchors = np.array(config.biases, np.float32).reshape(config.levels, config.anchors_per_level, 2)
    channels = 5 + config.class_num  # box, objectness, classes
    return [make_level(NCHWC, shape[2], shape[3], channels, pairs) for shape, pairs in zip(shapes, anchors)]
