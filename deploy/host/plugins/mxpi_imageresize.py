"""mxpi_imageresize: a picture to the network's input size, stretched or as a top-left letterbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.description import Element
from deploy.host.frame import Frame, Header, Picture, Pictures
from deploy.host.geometry import check_net_size, fit, stretch
from deploy.host.letterbox import place_on_canvas
from deploy.host.plugins.base import PICTURE, Plugin
from deploy.postprocess.mapping import FIT, STRETCH
from deploy.postprocess.resize_types import RESIZE_TYPES
from deploy.sdk_codes import INVALID_PROPERTIES, UNREALIZED, SdkFault


class ImageResize(Plugin):
    """Bilinear (cv2.INTER_LINEAR) to the chip's content size, which is even; the rest of the canvas is green.

    Faults: 2020/2021 at creation for a network size that VPC cannot write, 2002 for a picture that it cannot scale.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_imageresize")
    produces = PICTURE

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._width, self._height = int(self.values["resizeWidth"]), int(self.values["resizeHeight"])
        self._type = RESIZE_TYPES.index(self.values["resizeType"])
        self._place = {STRETCH: stretch, FIT: fit}.get(self._type)
        if self._place is None:
            raise self._not_run("resizeType", f"{RESIZE_TYPES[STRETCH]} and {RESIZE_TYPES[FIT]}")
        if self._type == FIT and self.values["paddingType"] == "Padding_Around":
            raise self._not_run("paddingType", "Padding_RightDown")
        if self.values["RGBValue"]:
            raise self._not_run("RGBValue", "the default canvas, RGB 0,135,0")
        if "opencv" in (self.values["handleMethod"] or self.values["cvProcessor"]):
            raise self.fault(UNREALIZED, "the host engine does not run cvProcessor opencv, only ascend")

    def _not_run(self, key: str, run: str) -> SdkFault:
        return self.fault(UNREALIZED, f"the host engine does not run {key} {self.values[key]}, only {run}")

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        self._source = self.source(upstream, PICTURE, "parentName", "dataSource").name
        if not self._width and not self._height:
            size = next((plugin.input_size for plugin in downstream if plugin.input_size), None)
            if size is None:
                raise self.fault(INVALID_PROPERTIES, "resizeWidth and resizeHeight are 0 and no model follows")
            self._width, self._height = size
        self.output_size = self._width, self._height
        try:
            check_net_size(*self.output_size)
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None

    def process(self, frame: Frame) -> None:
        pictures = frame.pictures(self._source)
        frame.metadata[self.name] = Pictures([self._resized(picture, i) for i, picture in enumerate(pictures)])

    def _resized(self, picture: Picture, member: int) -> Picture:
        assert self._place is not None
        try:
            place = self._place(picture.width, picture.height, self._width, self._height)
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        pixels = place_on_canvas(picture.pixels, place, self._width, self._height)
        return Picture(
            pixels,
            self._width,
            self._height,
            picture.source_width,
            picture.source_height,
            self._type,
            place.ratio,
            headers=(Header(self._source, member),),
        )
