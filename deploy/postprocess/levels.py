"""A model's raw heads, one per level, as the SDK's YOLO post-processors walk through their memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.postprocess.yolo_config import NCHWC, NHWC

MAX_ANCHORS = 3  # of one level; the SDK has room for no more
COARSEST_STRIDE = 32
_OBJECTNESS = 4  # behind tx ty tw th


@dataclass(frozen=True, eq=False)
class Level:
    """Where the cells of one head are, and what they stand for.

    `place` is float32 [anchors * cells, 6], anchors first: column, row, map width and height in cells, anchor width
    and height in pixels; `turn` intp [anchors * cells] says as the how manieth the SDK scans each, cells first.
    `channels` is 5 + classes: tx ty tw th objectness, then the classes.
    """

    layout: int
    anchors: int
    cells: int
    channels: int
    place: np.ndarray
    turn: np.ndarray

    @property
    def count(self) -> int:
        """How many numbers of a tensor are read, from its start."""
        return self.anchors * self.cells * self.channels

    def objectness(self, tensor: np.ndarray) -> np.ndarray:
        """The fifth number of each place, float32 [anchors * cells], anchors first; a tensor has at least `count`.

        The SDK addresses tensors as bare memory, whatever their shapes say, and so do this and `rows`.
        """
        if self.layout == NCHWC:
            return tensor.reshape(-1)[_OBJECTNESS : self.count : self.channels]
        return self._view(tensor)[:, :, _OBJECTNESS].reshape(-1)

    def rows(self, tensor: np.ndarray, found: np.ndarray) -> np.ndarray:
        """All numbers of some places, float32 [n, channels]; `found` is intp [n], anchors first."""
        if self.layout == NCHWC:
            return tensor.reshape(-1)[: self.count].reshape(-1, self.channels).take(found, axis=0)
        return self._view(tensor)[found // self.cells, found % self.cells]

    def _view(self, tensor: np.ndarray) -> np.ndarray:
        """[anchors, cells, channels] of the other layouts."""
        memory = tensor.reshape(-1)[: self.count]
        if self.layout == NHWC:
            return memory.reshape(self.cells, self.anchors, self.channels).transpose(1, 0, 2)
        return memory.reshape(self.anchors, self.channels, self.cells).transpose(0, 2, 1)


def make_level(layout: int, height: int, width: int, channels: int, anchors: np.ndarray) -> Level:
    """A head of `height` x `width` cells with anchors float32 [n, 2] (width and height in pixels)."""
    place = np.empty((len(anchors), height, width, 6), np.float32)
    place[..., 0] = np.arange(width)
    place[..., 1] = np.arange(height)[:, None]
    place[..., 2], place[..., 3] = width, height
    place[..., 4:] = anchors[:, None, None]
    turn = np.arange(place.size // 6).reshape(height * width, len(anchors)).T.ravel()
    return Level(layout, len(anchors), height * width, channels, place.reshape(-1, 6), turn)


def axes(layout: int) -> tuple[int, int]:
    """Which axes of a tensor are height and width."""
    return (1, 2) if layout == NHWC else (2, 3)


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
