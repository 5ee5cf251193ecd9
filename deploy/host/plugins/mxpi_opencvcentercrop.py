"""mxpi_opencvcentercrop: the middle of each image, on the opencv way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import RGB888, Header, Image, Images
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, Plugin
from deploy.sdk_codes import CROP_FAIL, INIT_FAIL, MEMORY_TYPE_MISMATCH, SdkFault


class OpencvCenterCrop(Plugin):
    """`cropWidth` x `cropHeight` px of each image; of an odd margin, the right and lower side is larger.

    As in the SDK, the result is called RGB888 whatever order the channels have, and forgets how the image was resized.
    Faults: 1013 at creation without a size, 11002 for an image in the chip's memory, 2001 for one that is smaller.
    Source: Vision SDK's MxpiOpencvCenterCrop.cpp.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_opencvcentercrop")
    produces = IMAGE

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._width, self._height = int(self.values["cropWidth"]), int(self.values["cropHeight"])
        if not self._width or not self._height:
            raise self.fault(
                INIT_FAIL, f"cropWidth is {self._width} and cropHeight {self._height}; both have to be set"
            )
        self.output_size = self._width, self._height

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        self._source = self.source(upstream, IMAGE, "dataSource").name

    def process(self, frame: Frame) -> None:
        try:
            made = Images([self._middle(image, i) for i, image in enumerate(frame.images(self._source))])
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        frame.metadata[self.name] = made

    def _middle(self, image: Image, member: int) -> Image:
        if not image.host:
            raise SdkFault(MEMORY_TYPE_MISMATCH, "Memory type is not host: decode and resize by opencv")
        height, width = image.pixels.shape[:2]
        left, top = (width - self._width) // 2, (height - self._height) // 2
        if left < 0 or top < 0:
            raise SdkFault(
                CROP_FAIL,
                f"the image is {width} x {height} px, smaller than the crop, {self._width} x {self._height}",
            )
        return replace(
            image,
            pixels=np.ascontiguousarray(image.pixels[top : top + self._height, left : left + self._width]),
            width=self._width,
            height=self._height,
            format=RGB888,
            resize_type=0,
            ratio=0.0,
            width_aligned=0,
            height_aligned=0,
            headers=(Header(self._source, member),),
        )
