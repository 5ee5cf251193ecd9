"""Backgrounds: surfaces with soft light and texture, on which nothing is to be found."""

from __future__ import annotations

import cv2
import numpy as np


def background(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A surface: a colour gradient, blotches and grain of random strength; uint8 [height, width, 3] BGR."""
    base = rng.uniform(30, 225) + rng.uniform(-30, 30, 3)
    colour = _smooth(base + rng.uniform(-1, 1, (3, 3, 3)) * rng.uniform(5, 35), width, height)
    cells = int(rng.integers(5, 15))
    texture = _smooth(rng.uniform(-1, 1, (cells, cells)) * rng.uniform(0, 40), width, height)
    if rng.random() < 0.6:
        texture += _grain(rng, width, height) * np.float32(rng.uniform(3, 30))
    return cv2.add(colour, cv2.merge([texture] * 3), dtype=cv2.CV_8U)


def _smooth(coarse: np.ndarray, width: int, height: int) -> np.ndarray:
    """A few values [rows, columns, ...] spread over the image: float32 [height, width, ...]."""
    return cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)


def _grain(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Fine texture of -1..1, float32 [height, width]; every other time drawn out as in wood or brushed metal."""
    stretch_x, stretch_y = (1, 1) if rng.random() < 0.5 else rng.permutation([1, int(rng.integers(4, 24))])
    coarse = (height // int(stretch_y) + 1, width // int(stretch_x) + 1)
    grain = rng.integers(0, 256, coarse, dtype=np.uint8)
    fine = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    return fine.astype(np.float32) / np.float32(127.5) - 1
