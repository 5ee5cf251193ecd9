"""VPC's pixels: an image scaled onto a canvas, NV12 as on the chip or packed BGR for float numerics.

The formula of VPC's default interpolation is not published; bilinear is the nearest that is documented, so expect a few
grey levels of difference from a board, more where an image is shrunk a lot.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np

from deploy.host.dvpp.geometry import Placement, up
from deploy.host.metadata.values import NV12, Image
from deploy.host.numerics import TWICE

_TENSORFLOW_BILINEAR = 3
_INTERPOLATION = {0: cv2.INTER_LINEAR, 1: cv2.INTER_LINEAR, 2: cv2.INTER_NEAREST, 4: cv2.INTER_NEAREST}

ZERO_YUV = (0, 0, 0)
ZERO_RGB = (0, 135, 0)
"""What the JPEG matrix makes of a canvas that is zero in Y, U and V."""


def background(rgb: tuple[int, int, int] | None) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """The canvas of a RGBValue (None: not set) as (Y, U, V) by MxpiImageResize's formula, and as (R, G, B)."""
    if rgb is None:
        return ZERO_YUV, ZERO_RGB
    r, g, b = rgb
    # in thousandths, so that grey stays free of chroma
    luma = (299 * r + 587 * g + 114 * b) // 1000
    blue = (-169 * r - 331 * g + 500 * b + 128_000) // 1000
    red = (500 * r - 419 * g - 81 * b + 128_000) // 1000
    return (luma, min(blue, 255), min(red, 255)), rgb


def paste_nv12(
    planes: np.ndarray, place: Placement, steps: str, interpolation: int, colour: tuple[int, int, int]
) -> np.ndarray:
    """uint8 [h * 3 / 2, w] to [H * 3 / 2, W] of the canvas, H and W rounded up to even; `colour` is (Y, U, V)."""
    height, width = up(place.canvas_height, 2), up(place.canvas_width, 2)
    canvas = np.empty((height * 3 // 2, width), np.uint8)
    for target, plane, fill, unit in (
        (canvas[:height], planes[: len(planes) * 2 // 3], colour[:1], 1),
        (_pairs(canvas[height:]), _pairs(planes[len(planes) * 2 // 3 :]), colour[1:], 2),
    ):
        _paste(plane, target, place, steps, interpolation, fill, unit)
    return canvas


def paste_bgr(
    pixels: np.ndarray, place: Placement, steps: str, interpolation: int, colour: tuple[int, int, int]
) -> np.ndarray:
    """uint8 [h, w, 3] BGR to [H, W, 3] of the canvas; `colour` is (R, G, B)."""
    canvas = np.empty((place.canvas_height, place.canvas_width, 3), np.uint8)
    height, width = pixels.shape[:2]
    if not place.inter_width and (place.width, place.height) == (place.crop_width, place.crop_height) != (
        width,
        height,
    ):
        # copied as it is, with a column or row of the decoder's padding
        pixels = cv2.copyMakeBorder(
            pixels, 0, place.crop_height - height, 0, place.crop_width - width, cv2.BORDER_REPLICATE
        )
    _paste(pixels, canvas, place, steps, interpolation, colour[::-1], 1)
    return canvas


def _paste(
    source: np.ndarray, canvas: np.ndarray, place: Placement, steps: str, interpolation: int, fill: tuple[int, ...],
    unit: int,
) -> None:  # fmt: skip
    """One plane (chroma has `unit` 2): scale it into its area, fill what is around."""
    left, top, width, height = (side // unit for side in (place.left, place.top, place.width, place.height))
    # a content size forced even may reach one pixel beyond a canvas of odd size
    right, bottom = min(left + width, canvas.shape[1]), min(top + height, canvas.shape[0])
    if steps == TWICE and (place.inter_width, place.inter_height) not in ((0, 0), (place.width, place.height)):
        size = place.inter_height // unit, place.inter_width // unit
        source = _scaled(source, np.empty((*size, *source.shape[2:]), np.uint8), interpolation)
    rows = canvas.reshape(len(canvas), -1)  # filling whole rows of bytes is many times faster than filling pixels
    depth, row = len(fill), _row(fill, canvas.shape[1])
    rows[:top] = rows[bottom:] = row
    rows[top:bottom, : left * depth] = row[: left * depth]
    rows[top:bottom, right * depth :] = row[right * depth :]
    _scaled(source, canvas[top:bottom, left:right], interpolation)


@lru_cache(maxsize=64)
def _row(fill: tuple[int, ...], width: int) -> np.ndarray:
    """The bytes of a canvas row of one colour; to be read only."""
    return np.tile(np.array(fill, np.uint8), width)


def _scaled(source: np.ndarray, target: np.ndarray, interpolation: int) -> np.ndarray:
    height, width = target.shape[:2]
    if source.shape[:2] == (height, width):
        target[:] = source
    elif interpolation == _TENSORFLOW_BILINEAR:
        # TensorFlow's grid begins at the corner pixels' centres: source = target * scale, without half a pixel
        matrix = np.array([[source.shape[1] / width, 0, 0], [0, source.shape[0] / height, 0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(source, matrix, (width, height), dst=target, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    elif source.shape == (2 * height, 2 * width, 2):
        # OpenCV halves one plane at a time several times faster than two interleaved ones
        halves = [
            cv2.resize(plane, (width, height), interpolation=_INTERPOLATION[interpolation])
            for plane in cv2.split(source)
        ]
        cv2.merge(halves, dst=target)
    else:
        cv2.resize(source, (width, height), dst=target, interpolation=_INTERPOLATION[interpolation])
    return target


def filled_up(image: Image, width: int, height: int) -> Image:
    """The image with its last column and row repeated up to a buffer of `width` x `height`."""
    pixels = image.pixels
    if (image.width, image.height) == (width, height):
        return image
    if image.format != NV12:
        grown = _grown(pixels, width, height)
    else:
        rows = len(pixels) * 2 // 3
        pairs = _grown(_pairs(pixels[rows:]), width // 2, height // 2)
        grown = np.concatenate([_grown(pixels[:rows], width, height), pairs.reshape(height // 2, width)])
    return replace(image, pixels=grown, width=width, height=height)


def exact_placement(width: int, height: int, net_width: int, net_height: int) -> Placement:
    """A top-left letterbox to the nearest pixel, which no chip makes: what `EXACT` stands for."""
    ratio = min(net_width / width, net_height / height)
    inside = min(net_width, round(width * ratio)), min(net_height, round(height * ratio))
    return Placement(net_width, net_height, 0, 0, max(1, inside[0]), max(1, inside[1]), width, height, ratio)


def _grown(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.copyMakeBorder(
        plane, 0, height - plane.shape[0], 0, width - plane.shape[1], cv2.BORDER_REPLICATE
    )  # fmt: skip


def _pairs(plane: np.ndarray) -> np.ndarray:
    return plane.reshape(plane.shape[0], plane.shape[1] // 2, 2)
