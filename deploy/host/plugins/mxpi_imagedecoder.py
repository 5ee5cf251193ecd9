"""mxpi_imagedecoder: an image file's bytes to pixels, by the chip's JPEGD or, on the opencv way, by OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.dvpp import jpegd
from deploy.host.dvpp.geometry import up
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import BGR888, NV12, RGB888, Image, Images
from deploy.host.numerics import ASCEND_310P, current
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import ANYTHING, IMAGE, Plugin
from deploy.sdk_codes import INVALID_FORMAT, INVALID_PARAM, UNREALIZED, SdkFault

_BMP = b"BM"
_BMP_STEP = (16, 2)


class ImageDecoder(Plugin):
    """One image, EXIF orientation applied on both ways.

    ascend: JPEG only, NV12; in float numerics BGR, of the same files. Faults: 2019 not a JPEG, 2020/2021 width or
    height outside 32..8192 px (judged by the header, before anything is decoded), 2006 truncated, damaged or of a kind
    that JPEGD does not decode. opencv: whatever OpenCV reads; fault 1004.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_imagedecoder")
    produces = IMAGE

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._numerics = current()
        self._bmp = self.values["imageFormat"] == "bmp"
        self._opencv = self._bmp or (self.values["handleMethod"] or self.values["cvProcessor"]) == "opencv"
        self._rgb = self.values["outputDataFormat"] == "RGB"
        self._float = self.values["dataType"] == "float32"
        if self.values["formatAdaptation"] == "on" and self._numerics.chip == ASCEND_310P and not self._opencv:
            raise self.fault(UNREALIZED, "the host engine does not run formatAdaptation on, only off")

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        for plugin in upstream:
            if plugin.produces not in ("", ANYTHING):
                raise self.fault(UNREALIZED, "the host engine runs one decoder, directly behind appsrc")

    def process(self, frame: Frame) -> None:
        try:
            image = self._by_opencv(frame.buffer) if self._opencv else self._by_jpegd(frame.buffer)
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        frame.metadata[self.name] = Images([image])

    def _by_jpegd(self, data: bytes) -> Image:
        header = jpegd.check(data)
        kind = NV12 if self._numerics.colour else BGR888
        if self._numerics.colour:
            pixels, width, height = jpegd.decode(data, header)
        else:
            pixels = jpegd.decode_bgr(data)
            height, width = pixels.shape[:2]
        across, down = jpegd.STRIDE[self._numerics.chip]
        return Image(
            pixels,
            width,
            height,
            width,
            height,
            format=kind,
            width_aligned=up(width, across),
            height_aligned=up(height, down),
        )

    def _by_opencv(self, data: bytes) -> Image:
        if self._bmp and not data.startswith(_BMP):
            raise SdkFault(INVALID_FORMAT, f"the image is not a BMP (it begins with {data[:2].hex(' ') or 'nothing'})")
        try:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        except (cv2.error, MemoryError):
            pixels = None
        if pixels is None:
            raise SdkFault(INVALID_PARAM, f"OpenCV cannot decode the image ({len(data)} bytes)")
        swaps = self._rgb
        if self._bmp:
            size = up(pixels.shape[1], _BMP_STEP[0]), up(pixels.shape[0], _BMP_STEP[1])
            if size != (pixels.shape[1], pixels.shape[0]):
                pixels = cv2.resize(pixels, size)
            swaps = not self._rgb  # the SDK takes what OpenCV decodes for RGB here
        if self._float:
            pixels = pixels.astype(np.float32)
        if swaps:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        height, width = pixels.shape[:2]
        return Image(pixels, width, height, width, height, format=RGB888 if self._rgb else BGR888, host=True)
