"""What lies behind everything: a table and the wall behind it, a floor from above, a wall from the front."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from compress.codes.real.pose import Camera
from compress.codes.real.surfaces import SIDE, natural_colour, random_surface, tinted


@dataclass(frozen=True)
class Backdrop:
    """`image` uint8 [H, W, 3]; things may stand from row `top` downwards; `kind` is table, above or wall."""

    image: np.ndarray
    camera: Camera
    top: float
    kind: str


def draw_backdrop(rng: np.random.Generator, width: int, height: int) -> Backdrop:
    """An empty scene and the camera that looks at it."""
    kind = ("table", "above", "wall")[int(rng.choice(3, p=(0.42, 0.3, 0.28)))]
    ranges = {"table": (0.42, 0.85), "above": (0.95, 1.5), "wall": (-0.12, 0.15)}
    focal = float(rng.uniform(0.9, 1.7)) * max(width, height)
    camera = Camera(focal, float(rng.uniform(*ranges[kind])))
    if kind == "wall":
        return Backdrop(_front(rng, width, height), camera, 0.0, kind)
    horizon = height / 2 - focal * np.tan(camera.tilt)
    top = 0.0
    if kind == "table":
        top = float(rng.uniform(0, 0.4)) * height
        edge = max(top, horizon + 0.15 * height)
        top = edge if edge > 0.05 * height else 0.0
    ground = _ground(rng, width, height, horizon, int(top))
    if top:
        ground[: int(top)] = _behind(rng, width, int(top))
        # The far edge of the table catches no light.
        ground[int(top) : int(top) + 2] = (ground[int(top) : int(top) + 2] * 0.6).astype(np.uint8)
    return Backdrop(ground, camera, top, kind)


def _front(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    relief = random_surface(rng)
    scale = float(rng.uniform(0.8, 1.8)) * max(1, max(width, height) / SIDE)
    turn = rng.normal(0, 0.05)
    cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
    lean = rng.normal(0, 0.25, 2) / max(width, height)
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [lean[0], lean[1], 1]])
    matrix[2, 2] = 1 + max(0, -lean[0] * width) + max(0, -lean[1] * height)
    matrix = _centred(rng, matrix, width / 2, height / 2)
    return _coloured(rng, _sampled(relief, matrix, width, height))


def _ground(rng: np.random.Generator, width: int, height: int, horizon: float, first: int) -> np.ndarray:
    """A plane that would run away from the camera to the row `horizon`; what is above row `first` stays empty."""
    relief = random_surface(rng)
    near = height - horizon
    scale = float(rng.uniform(1.0, 2.2)) * max(1, max(width, height) / SIDE)
    # On the plane, x runs with (column - middle) / (row - horizon), depth with 1 / (row - horizon).
    plane = np.array([[near / scale, 0, -near * width / 2 / scale], [0, 0, near * near / scale], [0, 1, -horizon]])
    turn = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(turn), np.sin(turn)
    turned = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ plane
    matrix = _centred(rng, turned @ np.array([[1, 0, 0], [0, 1, first], [0, 0, 1]]), width / 2, (height - first) / 2)
    ground = np.empty((height, width, 3), np.uint8)
    ground[first:] = _coloured(rng, _sampled(relief, matrix, width, height - first))
    return ground


def _centred(rng: np.random.Generator, matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    """The mapping to a relief, shifted so that x, y falls near the relief's middle: OpenCV is slow at the borders."""
    at = matrix @ (x, y, 1)
    shift = rng.uniform(0.6, 1.4, 2) * SIDE - at[:2] / at[2]
    return np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]]) @ matrix


def _sampled(relief: np.ndarray, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(relief, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_WRAP)


def _coloured(rng: np.random.Generator, relief: np.ndarray) -> np.ndarray:
    return tinted(relief, natural_colour(rng), min(max(float(rng.gamma(2, 0.35)), 0.1), 1.6))


def _behind(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A room out of focus: a wall, furniture, lamps."""
    step = 4
    small = np.empty((max(2, height // step), max(2, width // step), 3), np.uint8)
    small[:] = natural_colour(rng).astype(np.uint8)
    rows, columns = small.shape[:2]
    for _ in range(int(rng.integers(0, 9))):
        x, side = int(rng.integers(0, columns)), int(rng.integers(3, 4 + columns // 3))
        colour = natural_colour(rng).tolist()
        if rng.random() < 0.75:
            y = int(rng.integers(-rows // 2, rows))
            cv2.rectangle(small, (x, y), (x + side, rows if rng.random() < 0.7 else y + side), colour, cv2.FILLED)
        else:
            bright = np.minimum(np.array(colour) + 90, 255).tolist()
            cv2.circle(small, (x, int(rng.integers(0, rows))), max(1, side // 5), bright, cv2.FILLED, cv2.LINE_AA)
    soft = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.8, 4)), borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
