"""Resizing on the opencv way (cvProcessor opencv): packed RGB or BGR in host memory, done by OpenCV on the board, too.

Source: MxpiImageResize.cpp. Sizes in pixels; scales are float32 there and here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from deploy.host.dvpp.geometry import fast_rcnn_size
from deploy.postprocess.key_values import float32
from deploy.postprocess.resize_types import (
    FAST_RCNN,
    FIT,
    LONG,
    MS_YOLOV4,
    ONLY_PADDING,
    PADDLE_OCR,
    RESCALE,
    RESCALE_DOUBLE,
    SHORT,
)
from deploy.sdk_codes import INVALID_PARAM, SdkFault

NO_PADDING, RIGHT_DOWN, AROUND = range(3)


@dataclass(frozen=True)
class OpencvResizing:
    """What mxpi_imageresize is asked for: `kind` is an index into RESIZE_TYPES, `padding` one of the three above.

    `scale_value` is the side that Long and Short lead to; `pad_width` x `pad_height` is the canvas, which some types
    replace by one of their own; `colour` (R, G, B) fills it.
    """

    kind: int
    net_width: int
    net_height: int
    padding: int = NO_PADDING
    scale_value: int = 32
    min_dimension: int = 224
    max_dimension: int = 224
    pad_width: int = 32
    pad_height: int = 32
    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def size(self, width: int, height: int) -> tuple[tuple[int, int], float]:
        """(width, height) before padding, and keepAspectRatioScaling."""
        net = self.net_width, self.net_height
        if self.kind == FIT:
            return self._fit(width, height)
        if self.kind in (LONG, SHORT):
            side = max(width, height) if self.kind == LONG else min(width, height)
            scale = float32(self.scale_value / side)
            return (int(float32(width * scale)), int(float32(height * scale))), 0.0
        if self.kind == RESCALE:
            return _rescaled(width, height, *net)
        if self.kind == RESCALE_DOUBLE:
            return self._rescaled_twice(width, height)
        if self.kind == PADDLE_OCR:
            wanted = math.ceil(float32(self.net_height * float32(width / height)))
            return (net, 0.0) if wanted > self.net_width else ((wanted, net[1]), float32(self.net_height / height))
        if self.kind == FAST_RCNN:
            across, down, ratio = fast_rcnn_size(width, height, self.min_dimension, self.max_dimension)
            return (across, down), ratio
        return ((width, height) if self.kind == ONLY_PADDING else net), 0.0

    def __call__(self, pixels: np.ndarray, rgb: bool) -> tuple[np.ndarray, float]:
        """Resize and pad [h, w, 3], uint8 or float32; returns the image and keepAspectRatioScaling.

        Raises SdkFault 1004 where the resized image has no pixel or is larger than its padded canvas.
        """
        height, width = pixels.shape[:2]
        size, ratio = self.size(width, height)
        if min(size) < 1:
            raise SdkFault(INVALID_PARAM, f"an image of {width} x {height} px would become {size[0]} x {size[1]} px")
        if self.kind == RESCALE_DOUBLE:
            pixels = _resized(pixels, _rescaled(width, height, self.net_width, self.net_height)[0])
        interpolation = cv2.INTER_LINEAR
        if self.kind == MS_YOLOV4 and height > size[1] and width > size[0]:
            interpolation = cv2.INTER_NEAREST
        elif self.kind == MS_YOLOV4 and height < size[1] and width < size[0]:
            interpolation = cv2.INTER_CUBIC
        pixels = _resized(pixels, size, interpolation)
        return (pixels if self.padding == NO_PADDING else self._padded(pixels, rgb)), ratio

    def _fit(self, width: int, height: int) -> tuple[tuple[int, int], float]:
        if self.net_height * width > height * self.net_width:
            size = self.net_width, _rounded(height * self.net_width / width)
            return size, float32(self.net_width / width)
        size = _rounded(width * self.net_height / height), self.net_height
        return size, float32(self.net_height / height)

    def _rescaled_twice(self, width: int, height: int) -> tuple[tuple[int, int], float]:
        size, first = _rescaled(width, height, self.net_width, self.net_height)
        side = min(self.net_width, self.net_height)
        too_high = self.net_width > self.net_height and size[1] > self.net_height
        too_wide = self.net_width < self.net_height and size[0] > self.net_width
        if not too_high and not too_wide:
            return size, first
        size, second = _rescaled(*size, side, side)
        return size, float32(first * second)

    def _padded(self, pixels: np.ndarray, rgb: bool) -> np.ndarray:
        canvas = {
            FIT: (self.net_width, self.net_height),
            PADDLE_OCR: (self.net_width, self.net_height),
            FAST_RCNN: (self.max_dimension, self.max_dimension),
        }.get(self.kind, (self.pad_width, self.pad_height))
        right, bottom = canvas[0] - pixels.shape[1], canvas[1] - pixels.shape[0]
        if right < 0 or bottom < 0:
            raise SdkFault(
                INVALID_PARAM,
                f"the resized image is {pixels.shape[1]} x {pixels.shape[0]} px, larger than its padded size of "
                f"{canvas[0]} x {canvas[1]} px",
            )
        left, top = (right // 2, bottom // 2) if self.padding == AROUND else (0, 0)
        colour = self.colour if rgb else self.colour[::-1]
        return cv2.copyMakeBorder(
            pixels, top, bottom - top, left, right - left, cv2.BORDER_CONSTANT, value=colour
        )  # fmt: skip


def _rescaled(width: int, height: int, net_width: int, net_height: int) -> tuple[tuple[int, int], float]:
    """As large as both sides allow, whichever way the image is turned."""
    scale = min(
        float32(max(net_width, net_height) / max(width, height)),
        float32(min(net_width, net_height) / min(width, height)),
    )
    return (int(float32(float32(width * scale) + 0.5)), int(float32(float32(height * scale) + 0.5))), scale


def _resized(pixels: np.ndarray, size: tuple[int, int], interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return cv2.resize(pixels, size, interpolation=interpolation)


def _rounded(value: float) -> int:
    """Half away from zero, as lround; the value is never negative."""
    return math.floor(value + 0.5)
