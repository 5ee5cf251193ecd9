"""mxpi_imagedecoder: a JPEG file's bytes to pixels, with the limits of Ascend 310's JPEGD."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.description import Element
from deploy.host.frame import Frame, Picture, Pictures
from deploy.host.jpeg import check_complete, check_size, read_header
from deploy.host.plugins.base import ANYTHING, PICTURE, Plugin
from deploy.sdk_codes import JPEG_DECODE_FAIL, UNREALIZED, SdkFault


class ImageDecoder(Plugin):
    """Decodes with OpenCV, EXIF orientation applied as JPEGD does; grey pictures become three equal channels.

    Faults: 2019 not a JPEG, 2020/2021 width or height outside 32..8192 px (judged by the header, before anything is
    decoded), 2006 truncated or damaged.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_imagedecoder")
    produces = PICTURE

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        processor = self.values["handleMethod"] or self.values["cvProcessor"]
        for key, value, run in (
            ("imageFormat", self.values["imageFormat"], ("jpg", "jpeg")),
            ("cvProcessor", processor, ("ascend",)),
            ("formatAdaptation", self.values["formatAdaptation"], ("off",)),
        ):
            if value not in run:
                raise self.fault(UNREALIZED, f"the host engine does not run {key} {value}, only {' and '.join(run)}")

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        for plugin in upstream:
            if plugin.produces not in ("", ANYTHING):
                raise self.fault(UNREALIZED, "the host engine runs one decoder, directly behind appsrc")

    def process(self, frame: Frame) -> None:
        data = frame.buffer
        try:
            header = read_header(data)
            check_size(header)
            check_complete(data, header)
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        try:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            pixels = None
        if pixels is None:
            raise self.fault(JPEG_DECODE_FAIL, "the JPEG is damaged or of a kind that does not decode")
        height, width = pixels.shape[:2]
        frame.metadata[self.name] = Pictures([Picture(pixels, width, height, width, height)])
