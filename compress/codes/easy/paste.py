"""Lay a flat texture into an image: rotated, scaled, seen slightly askew, with smooth edges."""

from __future__ import annotations

import cv2
import numpy as np

# The texture is drawn this many times finer and then averaged, so that thin modules turn grey instead of jagged.
OVERSAMPLING = 2


def posed_quad(
    rng: np.random.Generator, width: float, height: float, centre: tuple[float, float], angle: float, skew: float
) -> np.ndarray:
    """The corners of a width x height rectangle around `centre`, turned by `angle` degrees: float32 [4, 2].

    Order: what were the top left, top right, bottom right and bottom left corner. Each corner is moved by up to
    `skew` times the shorter side, which tilts the rectangle out of the image plane.
    """
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, height / 2)
    corners += rng.uniform(-skew, skew, (4, 2)) * min(width, height)
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return (corners @ rotation + centre).astype(np.float32)


def mapping(texture_size: tuple[int, int], quad: np.ndarray) -> np.ndarray:
    """The 3 x 3 homography from texture coordinates (texture_size is width, height) to the image.

    Both are measured in pixels from the outer edge of the first pixel, so that pixel i reaches from i to i + 1.
    """
    width, height = texture_size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return cv2.getPerspectiveTransform(corners, quad)


def mapped(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [n, 2] under a homography: float64 [n, 2]."""
    moved = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return moved[:, :2] / moved[:, 2:]


def paste(image: np.ndarray, texture: np.ndarray, quad: np.ndarray, opacity: float = 1.0) -> None:
    """Draw the texture (uint8 [h, w, 3]) onto the image (uint8 [H, W, 3], changed in place).

    The texture's corners come to lie at `quad` (float32 [4, 2]); what is outside the image is cut off.
    `opacity` is 0 to 1.
    """
    x0, y0 = np.maximum(np.floor(quad.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(quad.max(0)).astype(int), image.shape[1::-1])
    if x1 <= x0 or y1 <= y0:
        return
    fine = (quad - (x0, y0)) * OVERSAMPLING
    size = (int(x1 - x0) * OVERSAMPLING, int(y1 - y0) * OVERSAMPLING)
    # OpenCV counts from pixel centres: shift by half a pixel before and after.
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    homography = np.linalg.inv(shift) @ mapping(texture.shape[1::-1], fine.astype(np.float32)) @ shift
    colour = cv2.warpPerspective(texture, homography, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    weight = _coverage(quad - (x0, y0), int(x1 - x0), int(y1 - y0))[..., None] * np.float32(opacity)
    region = image[y0:y1, x0:x1]
    colour = cv2.resize(colour, region.shape[1::-1], interpolation=cv2.INTER_AREA)
    region[:] = np.rint(region + weight * (colour.astype(np.float32) - region)).astype(np.uint8)


def _coverage(quad: np.ndarray, width: int, height: int) -> np.ndarray:
    """How much of each pixel a clockwise convex quadrilateral [4, 2] covers: float32 [height, width], 0..1.

    Each side counts by its distance from the pixel's centre, which is exact for upright sides.
    """
    weight = np.ones((height, width), np.float32)
    for start, end in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        along_x, along_y = (end - start) / np.hypot(*(end - start))
        columns = (np.arange(width) + 0.5 - start[0]) * -along_y
        rows = (np.arange(height) + 0.5 - start[1]) * along_x
        inward = np.add.outer(rows.astype(np.float32), columns.astype(np.float32))
        weight *= np.clip(inward + np.float32(0.5), 0, 1)
    return weight
