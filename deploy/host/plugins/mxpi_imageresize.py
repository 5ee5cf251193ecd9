"""mxpi_imageresize: images to another size, by the chip's VPC or, on the opencv way, by OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.catalog.images import PADDING_TYPES
from deploy.host.dvpp.geometry import Placement, Resizing, up
from deploy.host.dvpp.limits import check_net_size
from deploy.host.dvpp.opencv_way import NO_PADDING, RIGHT_DOWN, OpencvResizing
from deploy.host.dvpp.vpc import background, exact_placement, paste_bgr, paste_nv12
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import NV12, RGB888, Header, Image, Images
from deploy.host.numerics import ASCEND_310P, EXACT, current
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, Plugin
from deploy.postprocess.resize_types import (
    FAST_RCNN,
    FIT,
    LONG,
    MS_YOLOV4,
    ONLY_PADDING,
    PADDLE_OCR,
    RESIZE_TYPES,
    SHORT,
    STRETCH,
)
from deploy.sdk_codes import INIT_FAIL, INVALID_POINTER, INVALID_PROPERTIES, MEMORY_TYPE_MISMATCH, SdkFault

_ALWAYS_PADDED = (FAST_RCNN, FIT, ONLY_PADDING)
_SIZE_OF_THEIR_OWN = (LONG, SHORT)
_MOST_310P = 2  # of the numbers of interpolation


class ImageResize(Plugin):
    """Each image of the source, placed as `deploy.host.dvpp.geometry` or `opencv_way` says.

    Faults: 2020/2021 at creation for an output size that VPC cannot write, 2002 for an image that it cannot scale so
    far, 1003 for one that is larger than its canvas, 11002 and 1003 for an image of the other way's memory, 1004 on
    the opencv way for one that does not fit its padded size.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_imageresize")
    produces = IMAGE

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        values = self.values
        self._numerics = current()
        self._opencv = (values["handleMethod"] or values["cvProcessor"]) == "opencv"
        self._width, self._height = int(values["resizeWidth"]), int(values["resizeHeight"])
        self._kind = RESIZE_TYPES.index(values["resizeType"])
        self._padding = PADDING_TYPES.index(values["paddingType"])
        if self._kind in _ALWAYS_PADDED and self._padding == NO_PADDING:
            self._padding = RIGHT_DOWN
        self._dimensions = int(values["minDimension"]), int(values["maxDimension"])
        if self._dimensions[0] > self._dimensions[1]:
            raise self.fault(
                INIT_FAIL, f"minDimension is {self._dimensions[0]}, more than maxDimension, {self._dimensions[1]}"
            )
        colour = [int(part) for part in values["RGBValue"].split(",")] if values["RGBValue"].strip() else None
        self._yuv, self._rgb = background((colour[0], colour[1], colour[2]) if colour else None)
        self._interpolation = int(values["interpolation"])
        if self._numerics.chip == ASCEND_310P and self._interpolation > _MOST_310P:
            raise self.fault(
                INVALID_PROPERTIES, f"interpolation is {self._interpolation}; an Ascend 310P has 0 to {_MOST_310P}"
            )

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        self._source = self.source(upstream, IMAGE, "parentName", "dataSource").name
        if not self._width and not self._height and self._kind not in _SIZE_OF_THEIR_OWN:
            size = next((plugin.input_size for plugin in downstream if plugin.input_size), None)
            if size is None:
                raise self.fault(INVALID_PROPERTIES, "resizeWidth and resizeHeight are 0 and no model follows")
            self._width, self._height = size
        if self._kind not in _SIZE_OF_THEIR_OWN:
            try:
                check_net_size(self._width, self._height)
            except SdkFault as fault:
                raise self.fault(fault.code, fault.sentence) from None
        self.output_size = self._output_size()
        resizing = Resizing(
            self._kind,
            self._width,
            self._height,
            self._padding not in (NO_PADDING, RIGHT_DOWN),
            *self._dimensions,
            chip=self._numerics.chip,
        )
        self._on_chip = lru_cache(maxsize=256)(resizing.place)  # images of a stream have few sizes
        self._by_opencv = OpencvResizing(
            self._kind,
            self._width,
            self._height,
            self._padding,
            int(self.values["scaleValue"]),
            *self._dimensions,
            int(self.values["paddingWidth"]),
            int(self.values["paddingHeight"]),
            tuple(float(self.values[f"paddingColor{channel}"]) for channel in "RGB"),  # type: ignore[arg-type]
        )

    def _output_size(self) -> tuple[int, int] | None:
        """What all images will have, or None where it depends on the image."""
        own = self._width, self._height
        if not self._opencv:
            side = up(self._dimensions[1], 16)
            return (side, side) if self._kind == FAST_RCNN else own
        if self._kind in (STRETCH, MS_YOLOV4, FIT) or (self._kind == PADDLE_OCR and self._padding != NO_PADDING):
            return own
        return (self._dimensions[1],) * 2 if self._kind == FAST_RCNN else None

    def process(self, frame: Frame) -> None:
        images = frame.images(self._source)
        resized = self._resized_by_opencv if self._opencv else self._resized
        try:
            made = Images([resized(image, i) for i, image in enumerate(images)])
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        frame.metadata[self.name] = made
        if self.values["removeParentData"] == "1":
            frame.metadata.pop(self._source, None)

    def _resized(self, image: Image, member: int) -> Image:
        if image.host:
            raise SdkFault(
                MEMORY_TYPE_MISMATCH, "Memory type is not dvpp: decode on the ascend way, or resize by opencv"
            )
        place = self._on_chip(image.width, image.height)
        if self._numerics.letterbox == EXACT and self._kind == FIT and image.format != NV12:
            place = exact_placement(image.width, image.height, self._width, self._height)
        return replace(
            image,
            pixels=self._pasted(image, place),
            width=place.canvas_width,
            height=place.canvas_height,
            resize_type=self._kind,
            ratio=place.ratio,
            width_aligned=up(place.canvas_width, 16),
            height_aligned=up(place.canvas_height, 2),
            headers=(Header(self._source, member),),
        )

    def _pasted(self, image: Image, place: Placement) -> np.ndarray:
        size = image.width, image.height
        if (place.width, place.height) == size == (place.canvas_width, place.canvas_height):
            return image.pixels
        if image.format == NV12:
            return paste_nv12(image.pixels, place, self._numerics.letterbox, self._interpolation, self._yuv)
        return paste_bgr(image.pixels, place, self._numerics.letterbox, self._interpolation, self._rgb)

    def _resized_by_opencv(self, image: Image, member: int) -> Image:
        if not image.host:
            raise SdkFault(
                INVALID_POINTER, "Dataptr is in device, cannot process opencv: decode on the opencv way, too"
            )
        pixels, ratio = self._by_opencv(image.pixels, image.format == RGB888)
        return replace(
            image,
            pixels=pixels,
            width=pixels.shape[1],
            height=pixels.shape[0],
            resize_type=self._kind,
            ratio=ratio,
            headers=(Header(self._source, member),),
        )
