"""mxpi_imagecrop: the objects of a picture cut out of it, each to a picture of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.catalog.pictures import PADDING_TYPES
from deploy.host.description import Element
from deploy.host.dvpp.cropping import CropPlacing, Cut, Expansion, cut_of, on_chip, pixels_of
from deploy.host.dvpp.geometry import up
from deploy.host.dvpp.vpc import background, paste_bgr, paste_nv12
from deploy.host.frame import NV12, Frame, Header, Picture, Pictures
from deploy.host.numerics import current
from deploy.host.plugins.base import ANYTHING, OBJECTS, PICTURE, Plugin, log
from deploy.postprocess.resize_types import FAST_RCNN, RESIZE_TYPES
from deploy.sdk_codes import (
    CROP_FAIL,
    INIT_FAIL,
    INVALID_FORMAT,
    INVALID_PARAM,
    INVALID_PROPERTIES,
    MEMORY_TYPE_MISMATCH,
    SdkFault,
)

_ON_CHIP, _BY_OPENCV = ((32, 6), 4096), ((1, 1), 8192)  # least width and height, greatest side
_POINT_RANGE = (1, 8192)
_POINTS = ("cropPointx0", "cropPointy0", "cropPointx1", "cropPointy1")
_SIDES = ("left", "right", "up", "down")


class ImageCrop(Plugin):
    """One picture an object, from the first picture of the image source; ascend: resized as mxpi_imageresize does,
    but in one step; opencv: as it is.

    A buffer without objects passes without pictures. An object that is too small or too large is left out. Faults:
    2001 where none is left or VPC cannot do it, 11002 for a picture of the other way's memory.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_imagecrop")
    produces = PICTURE

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        values = self.values
        self._numerics = current()
        self._opencv = (values["handleMethod"] or values["cvProcessor"]) == "opencv"
        if values["cropType"] != "cropCoordinate":
            raise self.fault(INVALID_FORMAT, f"cropType is {values['cropType']}; it is cropCoordinate")
        low, high = int(values["minDimension"]), int(values["maxDimension"])
        if low > high:
            raise self.fault(INIT_FAIL, f"minDimension is {low}, more than maxDimension, {high}")
        self._expansion = Expansion(*(float(values[f"{side}ExpandRatio"]) for side in _SIDES))
        self._given = None if values["autoDetectFrame"] == "1" else self._points()
        colour = [int(part) for part in values["RGBValue"].split(",")] if values["RGBValue"].strip() else None
        self._yuv, self._rgb = background((colour[0], colour[1], colour[2]) if colour else None)
        self._placing = CropPlacing(
            RESIZE_TYPES.index(values["resizeType"]),
            int(values["resizeWidth"]),
            int(values["resizeHeight"]),
            PADDING_TYPES.index(values["paddingType"]) == PADDING_TYPES.index("Padding_Around"),
            low,
            high,
        )

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        self._objects = ""
        if self._given is None:
            self._objects = self.source(upstream, OBJECTS, "parentName", "dataSource").name
        self._image = self._image_source(upstream)
        placing = self._placing
        if not (placing.net_width and placing.net_height) and not self._opencv:
            size = next((plugin.input_size for plugin in downstream if plugin.input_size), None)
            if size:
                self._placing = placing = replace(placing, net_width=size[0], net_height=size[1])
        if not self._opencv and placing.net_width and placing.net_height:
            side = up(placing.max_dimension, 16)
            self.output_size = (side, side) if placing.kind == FAST_RCNN else (placing.net_width, placing.net_height)

    def _image_source(self, upstream: Sequence[Plugin]) -> str:
        """`dataSourceImage`, else what the buffer itself holds, which is the decoder's picture."""
        if self.values["dataSourceImage"] not in ("", "auto"):
            return self.source(upstream, PICTURE, "dataSourceImage").name
        made = [plugin for plugin in upstream if plugin.produces == PICTURE]
        found = made or [plugin for plugin in upstream if plugin.produces == ANYTHING]
        if not found:
            raise self.fault(INVALID_PROPERTIES, "no element before it makes pictures; set dataSourceImage")
        return found[0].name

    def process(self, frame: Frame) -> None:
        boxes = self._given
        if boxes is None:
            if frame.metadata.get(self._objects) is None:
                return
            boxes = frame.objects(self._objects).detections[:, :4]
        try:
            pictures = self._cropped(frame.pictures(self._image)[:1], boxes)
        except SdkFault as fault:
            code = fault.code if fault.code >= MEMORY_TYPE_MISMATCH else CROP_FAIL
            raise self.fault(code, fault.sentence) from None
        if pictures:
            frame.metadata[self.name] = pictures

    def _cropped(self, pictures: Sequence[Picture], boxes: np.ndarray) -> Pictures:
        made, why = Pictures(), ""
        for picture in pictures:
            if picture.host != self._opencv:
                wanted = "host" if self._opencv else "device"
                raise SdkFault(MEMORY_TYPE_MISMATCH, f"Memory type is not {wanted}: decode and crop on the same way")
            for member, box in enumerate(boxes):
                cut = cut_of(box, self._expansion, picture.width, picture.height)
                why_not = self._why_not(cut)
                if why_not:
                    log.warning("%s: object %d is not cropped: %s", self.name, member, why_not)
                    why = why or why_not
                    continue
                # on the opencv way the SDK counts what it has cut, not the objects
                header = Header(self._objects, len(made) if self._opencv else member)
                made.append(
                    self._by_opencv(picture, cut, header) if self._opencv else self._on_chip(picture, cut, header)
                )
        if not made and why:
            raise SdkFault(CROP_FAIL, why)
        return made

    def _why_not(self, cut: Cut) -> str:
        (least_width, least_height), most = _BY_OPENCV if self._opencv else _ON_CHIP
        for side, value, least in (("width", cut.size[0], least_width), ("height", cut.size[1], least_height)):
            if not least <= value <= most:
                return f"the crop {side} is {value} px, at {tuple(cut)}; it is {least} to {most} px"
        return ""

    def _by_opencv(self, picture: Picture, cut: Cut, header: Header) -> Picture:
        return self._made(picture, pixels_of(picture, cut), cut, cut.size, 0.0, header)

    def _on_chip(self, picture: Picture, cut: Cut, header: Header) -> Picture:
        place = self._placing.place(cut)
        part = pixels_of(picture, on_chip(cut))
        paste, colour = (paste_nv12, self._yuv) if picture.format == NV12 else (paste_bgr, self._rgb)
        pixels = paste(part, place, self._numerics.letterbox, 0, colour)
        return self._made(picture, pixels, cut, (place.canvas_width, place.canvas_height), place.ratio, header)

    def _made(
        self, picture: Picture, pixels: np.ndarray, cut: Cut, size: tuple[int, int], ratio: float, header: Header
    ) -> Picture:
        width, height = size
        return replace(
            picture,
            pixels=pixels,
            width=width,
            height=height,
            source_width=cut.size[0],
            source_height=cut.size[1],
            resize_type=self._placing.kind,
            ratio=ratio,
            width_aligned=0 if self._opencv else up(width, 16),
            height_aligned=0 if self._opencv else up(height, 2),
            headers=(header,),
        )

    def _points(self) -> np.ndarray:
        """The boxes of the properties cropPoint..., float32 [n, 4]; each property has one number a box."""
        columns = []
        for name in _POINTS:
            try:
                columns.append([float(part) for part in self.values[name].replace(" ", "").split(",") if part])
            except ValueError:
                raise self.fault(INVALID_PARAM, f"{name} is {self.values[name]!r}; it is numbers with commas") from None
        if len({len(column) for column in columns}) != 1:
            counts = ", ".join(f"{name} {len(column)}" for name, column in zip(_POINTS, columns))
            raise self.fault(INVALID_PARAM, f"the crop points differ in number: {counts}")
        low, high = _POINT_RANGE
        for x0, y0, x1, y1 in zip(*columns):
            if x1 <= x0 or y1 <= y0 or not all(low <= side <= high for side in (x0, y0, x1, y1)):
                raise self.fault(
                    INVALID_PARAM, f"the crop ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) is no box within {low} to {high}"
                )
        return np.array(columns, np.float32).T.reshape(-1, 4)
