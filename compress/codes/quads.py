"""Quadrilaterals in an image: what of them it shows, and the box around that."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np

# Pixels by which a corner may be outside an image that is said to show the whole.
CUT_OFF = 1.0


def frame(width: int, height: int) -> np.ndarray:
    """The outline of an image: float32 [4, 2]."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def inside(cover: np.ndarray, covered: np.ndarray) -> float:
    """The share (0..1) of the convex quadrilateral `covered` [4, 2] that lies within another."""
    covered = covered.astype(np.float32)
    return cv2.intersectConvexConvex(cover, covered)[0] / cv2.contourArea(covered)


def cut_off(corners: np.ndarray, width: int, height: int) -> bool:
    """Whether a corner lies further outside the image than rounding explains."""
    return bool((corners < -CUT_OFF).any() or (corners > np.array([width, height]) + CUT_OFF).any())


def edges(quad: np.ndarray) -> list[float]:
    """The lengths of the four sides of a quadrilateral [4, 2], from the first corner on."""
    return [math.dist(start, end) for start, end in pairwise([*quad.tolist(), quad[0].tolist()])]


def thickness(quad: np.ndarray) -> float:
    """How far apart the two long sides of a convex quadrilateral [4, 2] are: its area over its longer middle line."""
    top, right, bottom, left = edges(quad)
    return 2 * cv2.contourArea(quad.astype(np.float32)) / max(top + bottom, left + right)


def tight_box(corners: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 around what the image shows of a quadrilateral, in whole pixels from the image's outer edge."""
    _, visible = cv2.intersectConvexConvex(frame(width, height), corners.astype(np.float32))
    points = visible.reshape(-1, 2)
    x0, y0 = np.rint(points.min(0)).astype(int).tolist()
    x1, y1 = np.rint(points.max(0)).astype(int).tolist()
    return x0, y0, x1, y1
