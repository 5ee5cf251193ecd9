"""Scores to classes, as the SDK's libresnet50postprocess.so does it. Source: MxBase Resnet50PostProcess, FastMath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.postprocess.fast_exp import fast_exp
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.tie_order import falling
from deploy.sdk_codes import INVALID_PARAM, SdkFault

_LARGEST = np.float32(255)  # the SDK's exponential takes -255..255
_TINY = 1e-6  # a smaller sum of exponentials leaves the scores as they are


@dataclass(frozen=True)
class ClassConfig:
    """CLASS_NUM (0..2000), SOFTMAX (whether the scores still need one) and TOP_K (0..16)."""

    class_num: int = 0
    softmax: bool = False
    top_k: int = 1


def read_class_config(values: KeyValues) -> ClassConfig:
    """What is missing has its default, with which the SDK goes on after a warning."""
    _, class_num = values.uint32("CLASS_NUM", 0, 0, 2000)
    _, softmax = values.boolean("SOFTMAX", False)
    _, top_k = values.uint32("TOP_K", 1, 0, 16)
    return ClassConfig(class_num, softmax, top_k)


def check_class_shapes(shapes: Sequence[Sequence[int]], config: ClassConfig) -> None:
    """The first output is [1, classes, ...]. Raises SdkFault 1004."""
    if not shapes or len(shapes[0]) < 2 or shapes[0][1] != config.class_num:
        found = list(shapes[0]) if shapes else "nothing"
        raise SdkFault(
            INVALID_PARAM, f"the model's first output is {found}; CLASS_NUM={config.class_num} takes [1, classes]"
        )


def classify(outputs: Sequence[np.ndarray], config: ClassConfig) -> tuple[np.ndarray, np.ndarray]:
    """(class ids int [k], confidences float32 [k]) of one image, the best first, k = min(TOP_K, CLASS_NUM).

    outputs[0] float32 (or another type of four bytes, read as one) [1, classes, ...]. Raises SdkFault 1004.
    """
    check_class_shapes([output.shape for output in outputs], config)
    if outputs[0].dtype.itemsize != 4:
        raise SdkFault(INVALID_PARAM, f"the model's first output is {outputs[0].dtype}; it has to be of four bytes")
    scores = np.ascontiguousarray(outputs[0]).reshape(-1).view(np.float32)[: config.class_num]
    if config.softmax:
        scores = _softmax(scores)
    order = falling(scores) if np.isfinite(scores).all() else np.argsort(-scores, kind="stable")
    best = order[: min(config.top_k, config.class_num)]
    return best, scores[best]


def _softmax(scores: np.ndarray) -> np.ndarray:
    """The SDK's: its own exponential of the scores as they are, summed one after the other in float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        powers = fast_exp(np.clip(scores, -_LARGEST, _LARGEST))
        total = np.add.accumulate(powers, dtype=np.float32)[-1] if len(powers) else np.float32(0)
        return scores if abs(total) < _TINY else powers / total
