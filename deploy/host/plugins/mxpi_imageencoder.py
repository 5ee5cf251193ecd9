"""mxpi_imageencoder: each image of the source becomes a buffer of its own, a JPEG file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import cv2
import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.dvpp.colour import bgr_of_nv12, video_nv12_of_bgr
from deploy.host.metadata import messages
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import NV12, RGB888, Image
from deploy.host.numerics import current
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, Plugin
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
    without images passes as it is.

    Faults: 2019 float32 pixels, 2020/2021 a width or height outside 32..8192 px, 2020 an image of the opencv way whose
    width is no multiple of 16. A last odd row or column is cut off.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_imageencoder")
    produces = IMAGE
    expands = True

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._quality = int(self.values["encodeLevel"]) or 100  # 0 is for the best on some chips
        self._narrows = current().colour

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        self._source = self.source(upstream, IMAGE, "dataSource").name

    def expand(self, frame: Frame) -> Iterator[Frame]:
        if self._source not in frame.metadata:
            yield frame
            return
        for image in frame.images(self._source):
            made = Frame(b"", sent_as_data=False)
            try:
                made.buffer = self._encoded(image)
                made.metadata[self.name] = _message(image, made.buffer)
            except SdkFault as fault:  # the next image may be better
                made.fail(self.fault(fault.code, fault.sentence))
            yield made

    def _encoded(self, image: Image) -> bytes:
        if image.pixels.dtype != np.uint8:
            raise SdkFault(INVALID_FORMAT, f"the image's pixels are {image.pixels.dtype}; JPEGE takes uint8")
        for name, side, code in (
            ("wide", image.width, INVALID_IMAGE_WIDTH),
            ("high", image.height, INVALID_IMAGE_HEIGHT),
        ):
            if not _LEAST <= side <= _MOST:
                raise SdkFault(code, f"the image is {side} px {name}; JPEGE takes {_LEAST} to {_MOST}")
        if image.host and image.width % _STRIDE:
            raise SdkFault(
                INVALID_IMAGE_WIDTH, f"the image is {image.width} px wide; from OpenCV JPEGE takes multiples of 16"
            )
        done, data = cv2.imencode(".jpg", self._bgr(image), [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        if not done:
            raise SdkFault(JPEG_ENCODE_FAIL, "OpenCV cannot encode the image")
        return data.tobytes()

    def _bgr(self, image: Image) -> np.ndarray:
        width, height = image.width & ~1, image.height & ~1
        if image.format == NV12:
            return bgr_of_nv12(image.pixels)[:height, :width]
        pixels = image.pixels[:height, :width]
        if image.format == RGB888:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        if image.host and self._narrows:  # the SDK turns them into video's colours, which a JPEG does not say
            pixels = bgr_of_nv12(video_nv12_of_bgr(np.ascontiguousarray(pixels)))
        return pixels


def _message(image: Image, data: bytes) -> Any:
    """What the SDK knows of the new buffer: a vision of the image's size whose data are the file."""
    listed = messages.types().MxpiVisionList()
    vision = listed.visionVec.add()
    vision.visionInfo.width, vision.visionInfo.height = image.width & ~1, image.height & ~1
    vision.visionData.dataStr, vision.visionData.dataSize = data, len(data)
    return listed
