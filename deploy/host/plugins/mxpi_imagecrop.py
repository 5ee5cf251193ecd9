"""mxpi_imagecrop: the objects of an image cut out of it, each to an image of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.catalog.images import PADDING_TYPES
from deploy.host.dvpp.cropping import CropPlacing, Cut, Expansion, cut_of, on_chip, pixels_of
from deploy.host.dvpp.geometry import up
from deploy.host.dvpp.vpc import background, paste_bgr, paste_nv12
from deploy.host.log import log
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import NV12, Header, Image, Images
from deploy.host.numerics import current
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import ANYTHING, IMAGE, OBJECTS, Plugin
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
    """One image an object, from the first image of the image source; ascend: resized as mxpi_imageresize does,
    but in one step; opencv: as it is.

    A buffer without objects passes without images. An object that is too small or too large is left out. Faults:
    2001 where none is left or VPC cannot do it, 11002 for an image of the other way's memory.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_imagecrop")
    produces = IMAGE

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
        """`dataSourceImage`, else what the buffer itself holds, which is the decoder's image."""
        if self.values["dataSourceImage"] not in ("", "auto"):
            return self.source(upstream, IMAGE, "dataSourceImage").name
        made = [plugin for plugin in upstream if plugin.produces == IMAGE]
        found = made or [plugin for plugin in upstream if plugin.produces == ANYTHING]
        if not found:
            raise self.fault(INVALID_PROPERTIES, "no element before it makes images; set dataSourceImage")
        return found[0].name

    def process(self, frame: Frame) -> None:
        boxes = self._given
        if boxes is None:
            if frame.metadata.get(self._objects) is None:
                return
            boxes = frame.objects(self._objects).detections[:, :4]
        try:
            images = self._cropped(frame.images(self._image)[:1], boxes)
        except SdkFault as fault:
            code = fault.code if fault.code >= MEMORY_TYPE_MISMATCH else CROP_FAIL
            raise self.fault(code, fault.sentence) from None
        if images:
            frame.metadata[self.name] = images

    def _cropped(self, images: Sequence[Image], boxes: np.ndarray) -> Images:
        made, why = Images(), ""
        for image in images:
            if image.host != self._opencv:
                wanted = "host" if self._opencv else "device"
                raise SdkFault(MEMORY_TYPE_MISMATCH, f"Memory type is not {wanted}: decode and crop on the same way")
            for member, box in enumerate(boxes):
                cut = cut_of(box, self._expansion, image.width, image.height)
                why_not = self._why_not(cut)
                if why_not:
                    log.warning("%s: object %d is not cropped: %s", self.name, member, why_not)
                    why = why or why_not
                    continue
                # on the opencv way the SDK counts what it has cut, not the objects
                header = Header(self._objects, len(made) if self._opencv else member)
                made.append(self._by_opencv(image, cut, header) if self._opencv else self._on_chip(image, cut, header))
        if not made and why:
            raise SdkFault(CROP_FAIL, why)
        return made

    def _why_not(self, cut: Cut) -> str:
        (least_width, least_height), most = _BY_OPENCV if self._opencv else _ON_CHIP
        for side, value, least in (("width", cut.size[0], least_width), ("height", cut.size[1], least_height)):
            if not least <= value <= most:
                return f"the crop {side} is {value} px, at {tuple(cut)}; it is {least} to {most} px"
        return ""

    def _by_opencv(self, image: Image, cut: Cut, header: Header) -> Image:
        return self._made(image, pixels_of(image, cut), cut, cut.size, 0.0, header)

    def _on_chip(self, image: Image, cut: Cut, header: Header) -> Image:
        place = self._placing.place(cut)
        part = pixels_of(image, on_chip(cut))
        paste, colour = (paste_nv12, self._yuv) if image.format == NV12 else (paste_bgr, self._rgb)
        pixels = paste(part, place, self._numerics.letterbox, 0, colour)
        return self._made(image, pixels, cut, (place.canvas_width, place.canvas_height), place.ratio, header)

    def _made(
        self, image: Image, pixels: np.ndarray, cut: Cut, size: tuple[int, int], ratio: float, header: Header
    ) -> Image:
        width, height = size
        return replace(
            image,
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
