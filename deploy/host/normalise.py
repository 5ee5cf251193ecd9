"""Pixels to the network's input: channel order and scale of the AIPP file, in float numerics."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from deploy.host.aipp import Normalisation


class Normaliser:
    """Turns uint8 BGR pictures of one size into float32 [1, 3, height, width].

    Fresh memory of that size costs more (page faults) than the arithmetic, so buffers are used again: hand each one
    back with `release`. Several threads may call at the same time.
    """

    def __init__(self, width: int, height: int, rule: Normalisation) -> None:
        self._shape = (3, height, width)
        self._bgr = rule.bgr
        self._offsets = np.array(rule.offsets, np.float32).reshape(3, 1, 1)
        self._scales = np.array(rule.scales, np.float32).reshape(3, 1, 1)
        self._has_offset = bool(self._offsets.any())
        self._spare: deque[tuple[np.ndarray, np.ndarray]] = deque()

    def __call__(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """pixels uint8 [height, width, 3] to (float32 [1, 3, height, width], scratch); pass both to `release`."""
        try:
            blob, planes = self._spare.pop()
        except IndexError:
            blob, planes = np.empty((1, *self._shape), np.float32), np.empty(self._shape, np.uint8)
        # deinterleave, widen, scale: three plain loops, each several times faster than one strided one
        cv2.split(pixels, list(planes) if self._bgr else list(planes[::-1]))
        values = blob[0]
        np.copyto(values, planes)
        if self._has_offset:
            values -= self._offsets
        values *= self._scales
        return blob, planes

    def release(self, buffers: tuple[np.ndarray, np.ndarray]) -> None:
        self._spare.append(buffers)
