"""The image while it is painted, and whose each of its pixels is: so that we know what was hidden by what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from compress.codes.easy.paste import mapped, mapping
from compress.codes.quads import edges
from compress.codes.symbols import Symbol

_FRACTION_BITS = 4
_OPAQUE = np.array([255], np.uint8)
_TO_EDGES = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
_TO_CENTRES = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
# x0 y0 x1 y1 of a symbol's modules, in pixels of the texture that it is on.
Area = tuple[float, float, float, float]
# Owners are numbered in 8 bits, and 0 is nobody.
MOST_MARKS = 255


@dataclass
class Mark:
    """A symbol in the image: `corners` float64 [4, 2] of its modules, and how many pixels it had when painted.

    All of them lie in `region`, x0 y0 x1 y1.
    """

    symbol: Symbol
    corners: np.ndarray
    region: tuple[int, int, int, int]
    pixels: int = 0


class Canvas:
    """`image` uint8 [H, W, 3] BGR; `owner` uint8 [H, W]: the number of the mark that a pixel shows, 0 for none."""

    def __init__(self, image: np.ndarray) -> None:
        """Paint on this image, in place."""
        self.image = image
        self.owner = np.zeros(image.shape[:2], np.uint8)
        self.marks: list[Mark] = []

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]

    def shown(self, number: int) -> int:
        """How many pixels of mark `number` (from 1) are still to be seen."""
        return int(np.count_nonzero(self.seen(number)[2]))

    def seen(self, number: int) -> tuple[int, int, np.ndarray]:
        """Where mark `number` (from 1) is still to be seen: x, y of a region and bool [h, w] over it."""
        x0, y0, x1, y1 = self.marks[number - 1].region
        return x0, y0, self.owner[y0:y1, x0:x1] == number

    def would_hide(self, x: int, y: int, mask: np.ndarray, least: float) -> bool:
        """Whether less than `least` (0..1) of some mark's first pixels is left when `mask` is covered.

        `mask` is bool [h, w] with its corner at x, y. A mark that it does not touch does not count.
        """
        hit = np.bincount(self.owner[y : y + mask.shape[0], x : x + mask.shape[1]][mask], minlength=1)
        return any(
            self.shown(number) - hit[number] < least * self.marks[number - 1].pixels
            for number in (np.flatnonzero(hit[1:]) + 1).tolist()
        )

    def claim(self, x: int, y: int, mask: np.ndarray) -> None:
        """Take the pixels of `mask` from whom they belong to: something that is no symbol covers them."""
        self.owner[y : y + mask.shape[0], x : x + mask.shape[1]][mask] = 0

    def fits(self, outline: np.ndarray, least: float) -> bool:
        """Whether a convex thing with this outline [n, 2] lies in the image and leaves `least` of every mark."""
        x0, y0 = np.maximum(np.floor(outline.min(0)).astype(int), 0).tolist()
        x1, y1 = np.minimum(np.ceil(outline.max(0)).astype(int), self.size).tolist()
        if x1 <= x0 or y1 <= y0:
            return False
        if not self.owner[y0:y1, x0:x1].any():
            return True
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillConvexPoly(mask, _fixed(outline - (x0, y0)), 1, cv2.LINE_8, _FRACTION_BITS)
        return not self.would_hide(x0, y0, mask.astype(bool), least)

    def lay(self, texture: np.ndarray, quad: np.ndarray, areas: Sequence[tuple[Symbol, Area]] = ()) -> None:
        """Paint a flat opaque thing (uint8 [h, w, 3]) so that its corners come to lie at `quad` (float32 [4, 2]).

        `areas` are the symbols on it; more than MOST_MARKS in all are an error of the caller.
        """
        placed = warped(texture, quad, self.size)
        if placed is None:
            return
        x, y, colour, alpha = placed
        blend(self.image[y : y + alpha.shape[0], x : x + alpha.shape[1]], colour, alpha)
        self.claim(x, y, alpha > 127)
        for symbol, area in areas:
            self._mark(symbol, area_corners(texture, quad, area))

    def _mark(self, symbol: Symbol, corners: np.ndarray) -> None:
        number = len(self.marks) + 1
        assert number <= MOST_MARKS
        cv2.fillConvexPoly(self.owner, _fixed(corners), number, cv2.LINE_8, _FRACTION_BITS)
        x0, y0 = np.clip(np.floor(corners.min(0)).astype(int) - 1, 0, self.size).tolist()
        x1, y1 = np.clip(np.ceil(corners.max(0)).astype(int) + 1, 0, self.size).tolist()
        mark = Mark(symbol, corners, (x0, y0, x1, y1))
        self.marks.append(mark)
        mark.pixels = self.shown(number)


def area_corners(texture: np.ndarray, quad: np.ndarray, area: Area) -> np.ndarray:
    """Where the corners of an area of a texture come to lie when the texture is bent to `quad`: float64 [4, 2]."""
    x0, y0, x1, y1 = area
    homography = mapping((texture.shape[1], texture.shape[0]), quad)
    return mapped(homography, np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64))


def _fixed(points: np.ndarray) -> np.ndarray:
    """Points measured from the outer edge of the first pixel as OpenCV draws them: from its centre, in fractions."""
    return np.rint((points - 0.5) * (1 << _FRACTION_BITS)).astype(np.int32)


def warped(
    texture: np.ndarray, quad: np.ndarray, size: tuple[int, int]
) -> tuple[int, int, np.ndarray, np.ndarray] | None:
    """A texture (uint8 [h, w, 3]) bent to a quadrilateral, as far as an image of `size` (width, height) shows it.

    Returns the place x, y of the region, its colours uint8 [rows, columns, 3] and how much of each pixel is covered,
    uint8 [rows, columns], 0..255; None where nothing is seen.
    """
    x0, y0 = np.maximum(np.floor(quad.min(0)).astype(int), 0).tolist()
    x1, y1 = np.minimum(np.ceil(quad.max(0)).astype(int), size).tolist()
    if x1 <= x0 or y1 <= y0:
        return None
    texture = _shrunk(texture, quad)
    # OpenCV counts from pixel centres: shift by half a pixel before and after.
    homography = _TO_CENTRES @ mapping(texture.shape[1::-1], (quad - (x0, y0)).astype(np.float32)) @ _TO_EDGES
    region = (x1 - x0, y1 - y0)
    colour = cv2.warpPerspective(texture, homography, region, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = np.zeros((region[1], region[0]), np.uint8)
    cv2.fillConvexPoly(alpha, _fixed(quad - (x0, y0)), 255, cv2.LINE_AA, _FRACTION_BITS)
    return x0, y0, colour, alpha


def _shrunk(texture: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The texture averaged down to about as many pixels as it will get, or sampling it would leave some out."""
    top, right, bottom, left = edges(quad)
    width = min(texture.shape[1], math.ceil(max(top, bottom)))
    height = min(texture.shape[0], math.ceil(max(left, right)))
    if width > 0.7 * texture.shape[1] and height > 0.7 * texture.shape[0]:
        return texture
    return cv2.resize(texture, (max(width, 2), max(height, 2)), interpolation=cv2.INTER_AREA)


def blend(region: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Mix `colour` (uint8 [h, w, 3]) into `region` (changed in place) by `alpha` (uint8 [h, w], 255 is opaque)."""
    whole = cv2.inRange(alpha, _OPAQUE, _OPAQUE)
    points = cv2.findNonZero(cv2.subtract(alpha, whole))
    if points is None:
        cv2.copyTo(colour, whole, region)
        return
    columns, rows = points.reshape(-1, 2).T
    edge = region[rows, columns].astype(np.int32)
    weight = alpha[rows, columns].astype(np.int32)[:, None]
    edge += ((colour[rows, columns].astype(np.int32) - edge) * weight + 127) // 255
    cv2.copyTo(colour, whole, region)
    region[rows, columns] = edge.astype(np.uint8)


def darken(image: np.ndarray, outline: np.ndarray, offset: tuple[float, float], softness: float, depth: float) -> None:
    """The soft shadow that something with this outline [n, 2] throws `offset` pixels aside; `depth` 0..1."""
    points = outline + offset
    reach = 2.5 * softness + 2
    x0, y0 = np.maximum(np.floor(points.min(0) - reach).astype(int), 0).tolist()
    x1, y1 = np.minimum(np.ceil(points.max(0) + reach).astype(int), image.shape[1::-1]).tolist()
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    # A soft shadow needs few pixels: drawn small, then stretched.
    step = min(max(softness / 1.5, 2.0), 8.0)
    small = (max(2, round((x1 - x0) / step)), max(2, round((y1 - y0) / step)))
    light = np.full((small[1], small[0]), 255, np.uint8)
    scaled = (points - (x0, y0)) * (small[0] / (x1 - x0), small[1] / (y1 - y0))
    cv2.fillPoly(light, [np.rint(scaled * 16).astype(np.int32)], 255 * (1 - depth), cv2.LINE_AA, 4)
    light = cv2.GaussianBlur(light, (0, 0), max(softness / step, 0.5), borderType=cv2.BORDER_REPLICATE)
    light = cv2.resize(light, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    region = image[y0:y1, x0:x1]
    cv2.multiply(region, cv2.cvtColor(light, cv2.COLOR_GRAY2BGR), dst=region, scale=1 / 255)
