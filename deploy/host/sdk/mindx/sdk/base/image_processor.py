"""mindx.sdk.base.ImageProcessor: decoding, scaling and cutting as the chip does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from compute_mAP.regular_file import MEGABYTE, read_bounded
from deploy.host.dvpp import jpegd
from deploy.host.dvpp.colour import bgr_of_nv12, nv12_of_bgr
from deploy.host.dvpp.cropping import Cut, on_chip, pixels_of
from deploy.host.dvpp.geometry import Resizing, up
from deploy.host.dvpp.vpc import ZERO_RGB, ZERO_YUV, background, paste_bgr, paste_nv12
from deploy.host.metadata import values
from deploy.host.numerics import current
from deploy.host.sdk.mindx.sdk.base.enums import borderType, image_format, interpolation
from deploy.host.sdk.mindx.sdk.base.faults import error, runtime_errors
from deploy.host.sdk.mindx.sdk.base.image import Image, check_format
from deploy.host.sdk.mindx.sdk.base.records import Color, Dim, Rect, Size
from deploy.postprocess.resize_types import STRETCH
from deploy.sdk_codes import CROP_FAIL, INVALID_PARAM, JPEG_ENCODE_FAIL, NO_EXIST

_VPC_STEP = (16, 2)
_LEAST_CROP, _MOST_CROP = (10, 6), 4096


class ImageProcessor:
    """Images are nv12, rgb or bgr. Methods raise RuntimeError with the SDK's code and a sentence."""

    def __init__(self, deviceId: int = 0) -> None:
        self._device = deviceId
        numerics = current()
        self._steps, self._chip = numerics.letterbox, numerics.chip

    def decode(self, path: str, kind: image_format = image_format.nv12) -> Image:
        """A JPEG file."""
        try:
            data = read_bounded(path, 256 * MEGABYTE)
        except (OSError, ValueError) as fault:
            raise error(NO_EXIST, f"cannot read the image {path}: {getattr(fault, 'strerror', fault)}") from None
        return self._decoded(data, kind)

    def decode_bytes(self, data: bytes, size: int, kind: image_format = image_format.nv12) -> Image:
        """A JPEG file's bytes."""
        if not isinstance(data, bytes) or size != len(data):
            found = f"{len(data)} bytes" if isinstance(data, bytes) else type(data).__name__
            raise error(INVALID_PARAM, f"decode_bytes gets {found} and the size {size}")
        return self._decoded(data, kind)

    def _decoded(self, data: bytes, kind: image_format) -> Image:
        check_format(kind)
        with runtime_errors():
            header = jpegd.check(data)
            if kind is image_format.nv12:
                pixels, width, height = jpegd.decode(data, header)
            else:
                pixels = jpegd.decode_bgr(data)
                height, width = pixels.shape[:2]
                pixels = pixels if kind is image_format.bgr else np.ascontiguousarray(pixels[:, :, ::-1])
        across, down = jpegd.STRIDE[self._chip]
        return self._made(pixels, width, height, kind, up(width, across), up(height, down))

    def resize(self, image: Image, size: Size, way: interpolation = interpolation.huaweiu_high_order_filter) -> Image:
        """The image stretched to a size in pixels."""
        source = image.pixels
        with runtime_errors():
            place = Resizing(STRETCH, size.width, size.height, chip=self._chip).place(source.width, source.height)
        if image.format is image_format.nv12:
            pixels = paste_nv12(source.pixels, place, self._steps, way.value, ZERO_YUV)
        else:
            pixels = paste_bgr(source.pixels, place, self._steps, way.value, ZERO_RGB)
        return self._made(pixels, size.width, size.height, image.format)

    def crop(self, image: Any, rects: Any) -> Any:
        """The parts of an image, or of each of several, as a list; of a single Rect the one image."""
        images = image if isinstance(image, (list, tuple)) else [image]
        wanted = rects if isinstance(rects, (list, tuple)) else [rects]
        made = [self._cropped(one, rect) for one in images for rect in wanted]
        return made if isinstance(rects, (list, tuple)) or len(made) > 1 else made[0]

    def crop_resize(self, image: Image, parts: Sequence[tuple[Rect, Size]]) -> list[Image]:
        """Parts of an image, each stretched to a size."""
        return [self.resize(self._cropped(image, rect), size) for rect, size in parts]

    def crop_paste(self, image: Image, rects: tuple[Rect, Rect], target: Image) -> Image:
        """A part of an image, stretched into a part of another one, which is changed."""
        source, place = rects
        size = Size(place.x1 - place.x0, place.y1 - place.y0)
        part = self.resize(self._cropped(image, source), size)
        if image.format is not target.format:
            raise error(INVALID_PARAM, "crop_paste takes two images of one format")
        box = on_chip(Cut(place.x0, place.y0, place.x1, place.y1)) if _planes(target) else None
        pixels = target.pixels.pixels.copy()
        if box is None:
            pixels[place.y0 : place.y1, place.x0 : place.x1] = part.pixels.pixels
        else:
            rows, height = len(pixels) * 2 // 3, size.height + size.height % 2
            width = part.pixels.pixels.shape[1]
            pixels[box.y0 : box.y0 + height, box.x0 : box.x0 + width] = part.pixels.pixels[:height]
            top = rows + box.y0 // 2
            pixels[top : top + height // 2, box.x0 : box.x0 + width] = part.pixels.pixels[height:]
        target.pixels = replace(target.pixels, pixels=pixels)
        return target

    def padding(self, image: Image, dim: Dim, color: Color, kind: borderType = borderType.border_constant) -> Image:
        """The image with borders; of nv12 each is rounded up to even."""
        source, (yuv, rgb) = image.pixels, background((color.channel_zero, color.channel_one, color.channel_two))
        if not _planes(image):
            fill = rgb if image.format is image_format.rgb else rgb[::-1]
            pixels = _bordered(source.pixels, dim, kind, fill)
            return self._made(pixels, pixels.shape[1], pixels.shape[0], image.format)
        even = Dim(*(side + side % 2 for side in (dim.left, dim.right, dim.top, dim.bottom)))
        half = Dim(*(side // 2 for side in (even.left, even.right, even.top, even.bottom)))
        rows = len(source.pixels) * 2 // 3
        luma = _bordered(source.pixels[:rows], even, kind, yuv[:1])
        pairs = source.pixels[rows:].reshape(rows // 2, -1, 2)
        chroma = _bordered(pairs, half, kind, yuv[1:])
        pixels = np.concatenate([luma, chroma.reshape(len(chroma), -1)])
        return self._made(pixels, luma.shape[1], luma.shape[0], image.format)

    def convert_format(self, image: Image, kind: image_format) -> Image:
        """The image in another format."""
        check_format(kind)
        if kind is image.format:
            raise error(INVALID_PARAM, f"the image is {kind.name} already")
        source = image.pixels
        bgr = _bgr(image)
        pixels = bgr if kind is image_format.bgr else np.ascontiguousarray(bgr[:, :, ::-1])
        if kind is image_format.nv12:
            pixels = nv12_of_bgr(bgr)
        return self._made(pixels, source.width, source.height, kind, source.width_aligned, source.height_aligned)

    def encode(self, image: Image, path: str, level: int = 100) -> None:
        """Write a JPEG file of quality 1..100."""
        Path(path).write_bytes(self.encode_bytes(image, level))

    def encode_bytes(self, image: Image, level: int = 100) -> bytes:
        """A JPEG file of quality 1..100."""
        if not 1 <= level <= 100:
            raise error(INVALID_PARAM, f"the level is {level}; it is 1 to 100")
        done, data = cv2.imencode(".jpg", _bgr(image), [cv2.IMWRITE_JPEG_QUALITY, level])
        if not done:
            raise error(JPEG_ENCODE_FAIL, "OpenCV cannot encode the image")
        return bytes(data)

    def _cropped(self, image: Image, rect: Rect) -> Image:
        cut, source = Cut(int(rect.x0), int(rect.y0), int(rect.x1), int(rect.y1)), image.pixels
        width, height = cut.size
        inside = cut.x0 >= 0 and cut.y0 >= 0 and cut.x1 <= source.width and cut.y1 <= source.height
        if not inside or width < _LEAST_CROP[0] or height < _LEAST_CROP[1] or max(width, height) > _MOST_CROP:
            raise error(
                CROP_FAIL,
                f"the part {tuple(cut)} of an image of {source.width} x {source.height} px cannot be cut out; it lies "
                f"inside and is {_LEAST_CROP[0]} x {_LEAST_CROP[1]} to {_MOST_CROP} px",
            )
        pixels = pixels_of(source, on_chip(cut) if _planes(image) else cut)
        return self._made(pixels, width, height, image.format)

    def _made(
        self, pixels: np.ndarray, width: int, height: int, kind: image_format, across: int = 0, down: int = 0
    ) -> Image:
        aligned = across or up(width, _VPC_STEP[0]), down or up(height, _VPC_STEP[1])
        made = values.Image(
            pixels, width, height, width, height, 0, 0.0, kind.value, *aligned, host=kind is not image_format.nv12
        )
        return Image.of(made, self._device)


def _planes(image: Image) -> bool:
    return image.format is image_format.nv12


def _bgr(image: Image) -> np.ndarray:
    source = image.pixels
    if _planes(image):
        return bgr_of_nv12(source.pixels)[: source.height, : source.width]
    return source.pixels if image.format is image_format.bgr else np.ascontiguousarray(source.pixels[:, :, ::-1])


def _bordered(pixels: np.ndarray, dim: Dim, kind: borderType, fill: Sequence[int]) -> np.ndarray:
    return cv2.copyMakeBorder(pixels, dim.top, dim.bottom, dim.left, dim.right, kind.value, value=tuple(fill))
