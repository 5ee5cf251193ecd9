"""mxpi_imagenormalize: (x - alpha) / beta for each channel, or stretched to a range, on the opencv way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import cv2
import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.log import log
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import BGR888, NV12, RGB888, Header, Image, Images
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, Plugin
from deploy.sdk_codes import FAILURE, INIT_FAIL, INVALID_PARAM, SdkFault

_DEPTHS = {"UINT8": cv2.CV_8U, "FLOAT32": cv2.CV_32F}
_FORMATS = {"RGB888": RGB888, "BGR888": BGR888}
_SMALLEST = 1e-15  # of a divisor


class ImageNormalize(Plugin):
    """Images of uint8 or float32, by OpenCV's rounding and saturation.

    `alpha` and `beta` are "R,G,B". For BGR images the SDK swaps its own copies of both anew before every image, so that
    only the first, the third and so on get them in the right order; a line in the log says so. Images that it cannot
    take are left out. Faults: 1013 and 1004 at creation for other than three numbers and a zero in beta, 1001 where no
    image is left. Source: Vision SDK's MxpiImageNormalize.cpp.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_imagenormalize")
    produces = IMAGE
    ordered: ClassVar[bool] = True  # which image gets the swapped numbers depends on the order

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._alpha, self._beta = self._three("alpha"), self._three("beta")
        if any(abs(number) < _SMALLEST for number in self._beta):
            raise self.fault(INVALID_PARAM, f"beta is {self.values['beta']}; it divides, so that none may be 0")
        self._depth = _DEPTHS.get(self.values["dataType"])
        self._format = _FORMATS.get(self.values["format"])
        self._stretches = self.values["processType"] == "0"
        self._said = False

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        source = self.source(upstream, IMAGE, "dataSource")
        self._source = source.name
        self.output_size = source.output_size

    def process(self, frame: Frame) -> None:
        if self._source not in frame.metadata:
            return
        made, why = Images(), "the source has no image"
        for member, image in enumerate(frame.images(self._source)):
            try:
                made.append(self._normalised(image, member))
            except SdkFault as fault:
                why = fault.sentence
                log.warning("%s: image %d is left out: %s", self.name, member, why)
        if not made:
            raise self.fault(FAILURE, why)
        frame.metadata[self.name] = made

    def _normalised(self, image: Image, member: int) -> Image:
        if not image.host or image.format == NV12:
            raise SdkFault(INVALID_PARAM, "it takes images in the host's memory: decode and resize by opencv")
        if image.format == BGR888:
            self._swap()
        pixels = np.ascontiguousarray(image.pixels)
        if self._depth is None:  # "auto" is what the first image is, from then on
            self._depth = cv2.CV_8U if pixels.dtype == np.uint8 else cv2.CV_32F
        if self._stretches:
            most = 255 if self._depth == cv2.CV_8U else 1
            made = cv2.normalize(pixels, None, 0, most, cv2.NORM_MINMAX, self._depth)  # type: ignore[call-overload]
        else:
            made = np.stack([self._scaled(pixels, channel) for channel in range(3)], axis=-1)
        form = image.format if self._format is None else self._format
        if form != image.format:
            made = np.ascontiguousarray(made[..., ::-1])
        return replace(
            image,
            pixels=made,
            format=form,
            resize_type=0,
            ratio=0.0,
            width_aligned=0,
            height_aligned=0,
            headers=(Header(self._source, member),),
        )

    def _scaled(self, pixels: np.ndarray, channel: int) -> np.ndarray:
        alpha, beta = self._alpha[channel], self._beta[channel]
        made: np.ndarray = pixels[..., channel] * (1 / beta) - alpha / beta
        if self._depth == cv2.CV_32F:
            return made.astype(np.float32)
        return np.clip(np.rint(made), 0, 255).astype(np.uint8)

    def _swap(self) -> None:
        self._alpha, self._beta = self._alpha[::-1], self._beta[::-1]
        if not self._said and (self._alpha, self._beta) != (self._alpha[::-1], self._beta[::-1]):
            self._said = True
            log.warning(
                "%s: the images are BGR: the SDK swaps alpha and beta before each of them, so that every second one "
                "gets them in the wrong order; decode with outputDataFormat RGB",
                self.name,
            )

    def _three(self, key: str) -> list[float]:
        text = self.values[key]
        try:
            numbers = [float(part) for part in text.split(",") if part.strip()]
        except ValueError:
            numbers = []
        if len(numbers) != 3 or not all(np.isfinite(numbers)):
            raise self.fault(INIT_FAIL, f"{key} is {text!r}; expected three numbers, as in 123.675,116.28,103.53")
        return numbers
