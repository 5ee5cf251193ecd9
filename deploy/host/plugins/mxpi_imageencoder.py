"""mxpi_imageencoder: each picture of the source becomes a buffer of its own, a JPEG file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import cv2
import numpy as np

from deploy.host import messages
from deploy.host.catalog import properties_of
from deploy.host.description import Element
from deploy.host.dvpp.colour import bgr_of_nv12, video_nv12_of_bgr
from deploy.host.frame import NV12, RGB888, Frame, Picture
from deploy.host.numerics import current
from deploy.host.plugins.base import PICTURE, Plugin
from deploy.sdk_codes import (
    INVALID_FORMAT,
    INVALID_IMAGE_HEIGHT,
    INVALID_IMAGE_WIDTH,
    JPEG_ENCODE_FAIL,
    SdkFault,
)

_LEAST, _MOST = 32, 8192  # pixels, either way
_STRIDE = 16  # JPEGE's, of a line


class ImageEncoder(Plugin):
    """`encodeLevel` is the JPEG quality; chroma is 4:2:0. What a buffer knew before ends here, as on the board; one
    without pictures passes as it is.

    Faults: 2019 float32 pixels, 2020/2021 a width or height outside 32..8192 px, 2020 a picture of the opencv way whose
    width is no multiple of 16. A last odd row or column is cut off.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_imageencoder")
    produces = PICTURE
    expands = True

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._quality = int(self.values["encodeLevel"])
        self._narrows = current().colour

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        self._source = self.source(upstream, PICTURE, "dataSource").name

    def expand(self, frame: Frame) -> Iterator[Frame]:
        if self._source not in frame.metadata:
            yield frame
            return
        for picture in frame.pictures(self._source):
            made = Frame(b"", sent_as_data=False)
            try:
                made.buffer = self._encoded(picture)
                made.metadata[self.name] = _message(picture, made.buffer)
            except SdkFault as fault:  # the next picture may be better
                made.fail(self.fault(fault.code, fault.sentence))
            yield made

    def _encoded(self, picture: Picture) -> bytes:
        if picture.pixels.dtype != np.uint8:
            raise SdkFault(INVALID_FORMAT, f"the picture's pixels are {picture.pixels.dtype}; JPEGE takes uint8")
        for name, side, code in (
            ("wide", picture.width, INVALID_IMAGE_WIDTH),
            ("high", picture.height, INVALID_IMAGE_HEIGHT),
        ):
            if not _LEAST <= side <= _MOST:
                raise SdkFault(code, f"the picture is {side} px {name}; JPEGE takes {_LEAST} to {_MOST}")
        if picture.host and picture.width % _STRIDE:
            raise SdkFault(
                INVALID_IMAGE_WIDTH, f"the picture is {picture.width} px wide; from OpenCV JPEGE takes multiples of 16"
            )
        done, data = cv2.imencode(".jpg", self._bgr(picture), [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        if not done:
            raise SdkFault(JPEG_ENCODE_FAIL, "OpenCV cannot encode the picture")
        return data.tobytes()

    def _bgr(self, picture: Picture) -> np.ndarray:
        width, height = picture.width & ~1, picture.height & ~1
        if picture.format == NV12:
            return bgr_of_nv12(picture.pixels)[:height, :width]
        pixels = picture.pixels[:height, :width]
        if picture.format == RGB888:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        if picture.host and self._narrows:  # the SDK turns them into video's colours, which a JPEG does not say
            pixels = bgr_of_nv12(video_nv12_of_bgr(np.ascontiguousarray(pixels)))
        return pixels


def _message(picture: Picture, data: bytes) -> Any:
    """What the SDK knows of the new buffer: a vision of the picture's size whose data are the file."""
    listed = messages.types().MxpiVisionList()
    vision = listed.visionVec.add()
    vision.visionInfo.width, vision.visionInfo.height = picture.width & ~1, picture.height & ~1
    vision.visionData.dataStr, vision.visionData.dataSize = data, len(data)
    return listed
