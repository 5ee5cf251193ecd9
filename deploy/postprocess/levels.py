"""A model's raw heads, one per level, as the SDK's YOLO post-processors walk through their memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NHWC, NCHW, NCHWC = 0, 1, 2  # MODEL_TYPE: anchors and channels last, first, or anchors first and channels last
MAX_ANCHORS = 3  # of one level; the SDK has room for no more
COARSEST_STRIDE = 32


@dataclass(frozen=True)
class Level:
    """One head: `cells` float32 [anchors, height * width, 5 + classes], and its anchors float32 [anchors, 2] in pixels.

    The numbers of a cell are tx ty tw th objectness, then the classes.
    """

    cells: np.ndarray
    width: int
    height: int
    anchors: np.ndarray


def axes(layout: int) -> tuple[int, int]:
    """Which axes of a tensor are height and width."""
    return (1, 2) if layout == NHWC else (2, 3)


def cells(tensor: np.ndarray, layout: int, anchors: int, height: int, width: int, channels: int) -> np.ndarray | None:
    """The cells of one picture's tensor, a view float32 [anchors, height * width, channels].

    The SDK addresses a head as bare memory, whatever its shape says; None where that reaches beyond the tensor.
    """
    count = anchors * height * width * channels
    if tensor.size < count:
        return None
    memory = tensor.reshape(-1)[:count]
    if layout == NHWC:
        return memory.reshape(height * width, anchors, channels).transpose(1, 0, 2)
    if layout == NCHW:
        return memory.reshape(anchors, channels, height * width).transpose(0, 2, 1)
    return memory.reshape(anchors, height * width, channels)


def level_number(scale: float) -> int | None:
    """0 for the coarsest level, 1 for the next finer one, ...; `scale` is map width * 32 / network width.

    A fraction is cut off, towards zero. None for a scale of 0.
    """
    return int(math.log(scale) / math.log(2)) if scale > 0 else None


def anchor_group(biases: Sequence[float], group: int, anchors: int) -> np.ndarray | None:
    """Anchor widths and heights of one level: float32 [anchors, 2]; None where `biases` does not hold that group."""
    start = group * anchors * 2
    end = start + anchors * 2
    if start < 0 or end > len(biases) or anchors > MAX_ANCHORS:
        return None
    return np.array(biases[start:end], np.float32).reshape(-1, 2)
