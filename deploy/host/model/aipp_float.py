"""AIPP in float numerics: what the rule means for colours, without the chip's rounding on the way."""

from __future__ import annotations

import cv2
import numpy as np

from deploy.aipp.formats import YUV420SP
from deploy.aipp.rule import AippRule

# JPEG's full-range YCbCr (ITU-T T.871) from R, G, B
_YUV_OF_RGB = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_YUV_OFFSET = np.array([0.0, 128.0, 128.0])
_NEARLY = 0.002  # by which integer matrices miss the exact ones


class FloatAipp:
    """One rule for packed images, `rgb` or BGR, and a model input of three channels.

    A YUV420SP_U8 rule is applied to what the chip's decoder would have made of these colours.
    """

    def __init__(self, rule: AippRule, rgb: bool) -> None:
        self._rule = rule
        matrix, offset = _linear(rule, rgb)
        order = matrix.argmax(axis=1)
        plain = np.abs(matrix - np.eye(3)[order]).max() < _NEARLY and np.abs(offset).max() < 0.5
        self._order = tuple(order.tolist()) if plain and len(set(order)) == 3 else None
        self._affine = np.hstack([matrix, offset[:, None]]).astype(np.float32)
        self._offsets = np.array([rule.means[i] + rule.mins[i] for i in range(3)], np.float32).reshape(3, 1, 1)
        self._scales = np.array(rule.scales[:3], np.float32).reshape(3, 1, 1)
        self._has_offset = bool(self._offsets.any())

    def __call__(self, pixels: np.ndarray, blob: np.ndarray, scratch: np.ndarray) -> None:
        """Fill `blob` float32 [1, 3, H, W] from [h, w, 3], uint8 or float32; `scratch` is uint8 [3, H, W]."""
        rule = self._rule
        left, right, top, bottom = rule.padding
        values = blob[0]
        if any(rule.padding):
            values[:] = rule.padding_value
            values = values[:, top : values.shape[1] - bottom, left : values.shape[2] - right]
            scratch = scratch[:, : values.shape[1], : values.shape[2]]
        if rule.crop:
            box = rule.crop
            pixels = pixels[box.top : box.top + box.height, box.left : box.left + box.width]
        if self._order and pixels.dtype == np.uint8:
            # deinterleave, widen, scale: three plain loops, each several times faster than one strided one
            planes: list[np.ndarray] = [scratch[0]] * 3
            for channel, source in enumerate(self._order):
                planes[source] = scratch[channel]
            cv2.split(pixels, planes)
            np.copyto(values, scratch)
        else:
            mixed = cv2.transform(pixels.astype(np.float32), self._affine)
            if pixels.dtype == np.uint8:
                np.clip(mixed, 0, 255, out=mixed)
            np.copyto(values, mixed.transpose(2, 0, 1))
        if self._has_offset:
            values -= self._offsets
        values *= self._scales


def _linear(rule: AippRule, rgb: bool) -> tuple[np.ndarray, np.ndarray]:
    """matrix [3, 3] and offset [3] from the image's channels to the model's, before mean and scale, in 0..255."""
    matrix, offset = np.eye(3), np.zeros(3)
    if rule.input_format == YUV420SP:
        matrix, offset = _YUV_OF_RGB if rgb else _YUV_OF_RGB[:, ::-1], _YUV_OFFSET
        swapped = [0, 2, 1]
    else:
        swapped = [2, 1, 0]
    if rule.swap:
        matrix, offset = matrix[swapped], offset[swapped]
    if rule.matrix:
        factors = np.array(rule.matrix) / 256
        if rule.input_format == YUV420SP:
            return factors @ matrix, factors @ (offset - rule.input_bias)
        return factors @ matrix, factors @ offset + rule.output_bias
    return matrix, offset
