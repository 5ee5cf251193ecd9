"""From an image in the stream to the model's input, by the AIPP rule and the stream's numerics."""

from __future__ import annotations

from collections import deque

import numpy as np

from deploy.aipp.formats import RGB, YUV420SP
from deploy.aipp.matrices import BT601_FULL, FULL_RANGE_BIAS
from deploy.aipp.rule import AippRule
from deploy.host.metadata.values import NV12, RGB888, Image
from deploy.host.model.aipp_float import FloatAipp
from deploy.host.model.aipp_integer import IntegerAipp
from deploy.host.numerics import Numerics
from deploy.sdk_codes import SET_INPUT_FAIL, SdkFault

_UNIT = (1 / 255,) * 4


class ModelInput:
    """Turns images into float32 [1, channels, height, width].

    `rule` is None where no AIPP file lies beside the model, which then gets RGB divided by 255 (a board has no such
    help: there, AIPP is part of the model). Fresh memory of that size costs more than the arithmetic, so buffers are
    used again: hand each one back with `release`. Several threads may call at the same time.
    """

    def __init__(self, rule: AippRule | None, net: tuple[int, int, int], numerics: Numerics) -> None:
        self._shape = net
        self._rule = rule
        self._half = numerics.half
        chip = rule or AippRule(YUV420SP, net[2], net[1], matrix=BT601_FULL, input_bias=FULL_RANGE_BIAS, scales=_UNIT)
        packed = rule or AippRule(RGB, net[2], net[1], scales=_UNIT)
        self._colour = numerics.colour
        self._integer = IntegerAipp(chip, net[0], numerics.half)
        self._packed = {rgb: FloatAipp(packed if rule or rgb else _swapped(packed), rgb) for rgb in (True, False)}
        self._chip = {rgb: FloatAipp(chip, rgb) for rgb in (True, False)}
        self._spare: deque[tuple[np.ndarray, np.ndarray]] = deque()

    def __call__(self, image: Image) -> tuple[np.ndarray, np.ndarray]:
        """(the input, scratch); pass both to `release`. Raises SdkFault 3001 for a format that AIPP does not take."""
        self._check(image)
        try:
            blob, planes = self._spare.pop()
        except IndexError:
            blob, planes = np.empty((1, *self._shape), np.float32), np.empty(self._shape, np.uint8)
        rgb = image.format == RGB888
        if image.format == NV12 or (self._colour and self._rule and image.pixels.dtype == np.uint8):
            self._integer(image.pixels, blob)
        else:
            aipp = self._chip if self._is_yuv(image) else self._packed
            aipp[rgb](image.pixels, blob, planes)
            if self._half:
                np.copyto(blob, blob.astype(np.float16))
        return blob, planes

    def release(self, buffers: tuple[np.ndarray, np.ndarray]) -> None:
        self._spare.append(buffers)

    def _is_yuv(self, image: Image) -> bool:
        """Whether the board has this image as YUV420SP_U8; in floats, a sent packed one is what AIPP takes."""
        if image.format == NV12 or image.host:
            return image.format == NV12
        return not self._colour and (self._rule is None or self._rule.input_format == YUV420SP)

    def _check(self, image: Image) -> None:
        if self._rule is None:
            return
        made = YUV420SP if self._is_yuv(image) else RGB
        if self._rule.input_format != made or image.pixels.dtype != np.uint8:
            kind = "float32 RGB888_U8" if image.pixels.dtype != np.uint8 else made
            raise SdkFault(SET_INPUT_FAIL, f"the image is {kind}; the model's AIPP takes {self._rule.input_format}")


def _swapped(rule: AippRule) -> AippRule:
    return AippRule(rule.input_format, rule.width, rule.height, swap=True, scales=rule.scales)
