"""Surfaces to look at: wood, concrete, tiles, cardboard and the like, grown once in a process and tinted as asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

SIDE = 512
# Fixed: which surfaces there are has nothing to do with the seed of a devkit. An image draws a cut-out and colours.
_SEED = 20240
_VARIANTS = 2


@lru_cache(1)
def surfaces() -> tuple[np.ndarray, ...]:
    """Grey reliefs, uint8 [2 * SIDE, 2 * SIDE], 128 on average: the same in every process.

    Each is mirrored to the right and downwards, so that it has no seam where it repeats.
    """
    rng = np.random.default_rng(_SEED)
    kinds: tuple[Callable[[np.random.Generator], np.ndarray], ...] = (
        *(_concrete, _carpet, _wood, _planks, _brushed, _weave, _tiles, _bricks, _gravel, _smooth, _marble),
    )
    return tuple(_mirrored(_levelled(kind(rng))) for kind in kinds for _ in range(_VARIANTS))


@lru_cache(1)
def cardboard() -> np.ndarray:
    """The relief of corrugated cardboard, uint8 [SIDE, SIDE]."""
    rng = np.random.default_rng(_SEED + 1)
    rows = np.sin(np.arange(SIDE) * (2 * np.pi / 9))[:, None]
    return _levelled(_octaves(rng, (4, 12, 100, 350), 0.7) + 0.25 * rows, spread=16)


def random_surface(rng: np.random.Generator) -> np.ndarray:
    """One of the reliefs."""
    choice = surfaces()
    return choice[int(rng.integers(len(choice)))]


def tints(colour: np.ndarray, depth: float) -> np.ndarray:
    """Colours for the 256 heights of a relief, uint8 [256, 1, 3]: `colour` (BGR) at 128, `depth` times its relief."""
    heights = (np.arange(256, dtype=np.float32)[:, None] - 128) * np.float32(depth)
    # Hollows lose light in proportion to the colour, ridges gain some of the light's white.
    shade = colour * (1 + np.minimum(heights, 0) / 128) + np.maximum(heights, 0) * (0.5 + colour / 400)
    return np.clip(shade, 0, 255).astype(np.uint8)[:, None]


def natural_colour(rng: np.random.Generator) -> np.ndarray:
    """A colour of something about the house, float [3] BGR: mostly greys and browns, seldom bright."""
    hue = float(rng.normal(16, 9)) % 180 if rng.random() < 0.7 else float(rng.uniform(0, 180))
    saturation = min(float(rng.gamma(2.0, 24)), 230.0)
    value = float(rng.uniform(45, 240))
    pixel = np.array([[[hue, saturation, value]]], np.float32).astype(np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float64)


def tinted(relief: np.ndarray, colour: np.ndarray, depth: float) -> np.ndarray:
    """A relief (uint8 [h, w]) in colours: uint8 [h, w, 3]."""
    return cv2.applyColorMap(relief, tints(colour, depth))


def cut_out(rng: np.random.Generator, relief: np.ndarray, width: int, height: int, scale: float) -> np.ndarray:
    """A piece of a relief, `scale` pixels a relief pixel, turned by quarters: uint8 [height, width]."""
    columns, rows = (max(2, min(SIDE, round(side / scale))) for side in (width, height))
    x, y = int(rng.integers(0, SIDE - columns + 1)), int(rng.integers(0, SIDE - rows + 1))
    piece = relief[y : y + rows, x : x + columns]
    if rng.random() < 0.5:
        turned = relief.T[y : y + rows, x : x + columns]
        piece = np.ascontiguousarray(turned)
    return cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR)


def _levelled(relief: np.ndarray, spread: float = 34) -> np.ndarray:
    """Brought to a mean of 128 and a standard deviation of `spread`."""
    relief = (relief - relief.mean()) / max(float(relief.std()), 1e-6)
    return np.clip(128 + spread * relief, 0, 255).astype(np.uint8)


def _mirrored(relief: np.ndarray) -> np.ndarray:
    wide = np.hstack([relief, relief[:, ::-1]])
    return np.vstack([wide, wide[::-1]])


def _octaves(
    rng: np.random.Generator, cells: tuple[int, ...], falloff: float, stretch: tuple[int, int] = (1, 1)
) -> np.ndarray:
    """Noise of several finenesses: `cells` across the relief, each `falloff` times as strong as the one before."""
    total = np.zeros((SIDE, SIDE), np.float32)
    for i, count in enumerate(cells):
        coarse = rng.standard_normal((max(2, count // stretch[1]), max(2, count // stretch[0]))).astype(np.float32)
        total += np.float32(falloff**i) * cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return total


def _concrete(rng: np.random.Generator) -> np.ndarray:
    return _octaves(rng, (5, 11, 40, 160, 400), 0.75)


def _carpet(rng: np.random.Generator) -> np.ndarray:
    return _octaves(rng, (4, 300, 500), 1.6)


def _wood(rng: np.random.Generator) -> np.ndarray:
    bend = _octaves(rng, (6, 14), 0.4, stretch=(3, 1))
    across = np.linspace(0, rng.uniform(5, 14), SIDE, dtype=np.float32)[:, None]
    rings = np.sin(2 * np.pi * (across + np.float32(0.5) * bend))
    fibres = _octaves(rng, (250, 500), 0.8, stretch=(20, 1))
    return 0.7 * rings + 0.6 * fibres + 0.4 * bend


def _planks(rng: np.random.Generator) -> np.ndarray:
    relief = _wood(rng)
    height = int(rng.integers(48, 110))
    for top in range(0, SIDE, height):
        relief[top : top + height] = np.roll(relief[top : top + height], int(rng.integers(SIDE)), axis=1)
        relief[top : top + height] += rng.normal(0, 0.6)
        relief[top : top + 2] = -4
    return relief


def _brushed(rng: np.random.Generator) -> np.ndarray:
    return _octaves(rng, (4, 500), 1.2, stretch=(30, 1)) + _octaves(rng, (3,), 1)


def _weave(rng: np.random.Generator) -> np.ndarray:
    rate = 2 * np.pi / rng.uniform(5, 11)
    rows, columns = np.indices((SIDE, SIDE), dtype=np.float32)
    return np.sin(rows * rate) * np.sin(columns * rate) + 0.6 * _octaves(rng, (5, 120), 1.0)


def _tiles(rng: np.random.Generator) -> np.ndarray:
    side = int(rng.integers(50, 130))
    count = SIDE // side + 1
    relief = np.kron(rng.normal(0, 0.5, (count, count)), np.ones((side, side)))[:SIDE, :SIDE]
    relief = relief.astype(np.float32) + 0.4 * _octaves(rng, (8, 60, 300), 0.8)
    for at in range(0, SIDE, side):
        relief[at : at + 4] = relief[:, at : at + 4] = -2.5
    return relief


def _bricks(rng: np.random.Generator) -> np.ndarray:
    height, width = 34, 76
    relief = _octaves(rng, (20, 90, 300), 0.8) * np.float32(0.5)
    for row, top in enumerate(range(0, SIDE, height)):
        for left in range(-(row % 2) * width // 2, SIDE, width):
            at = slice(max(left, 0), max(left + width, 0))
            relief[top : top + height, at] += rng.normal(0, 0.5)
            relief[top : top + height, at][:, :4] = 2.2
        relief[top : top + 4] = 2.2
    return relief


def _gravel(rng: np.random.Generator) -> np.ndarray:
    relief = np.zeros((SIDE, SIDE), np.float32)
    largest = int(rng.integers(6, 18))
    for _ in range(26000 // largest**2 * 4):
        centre = tuple(rng.integers(0, SIDE, 2).tolist())
        axes = tuple(rng.integers(3, largest + 1, 2).tolist())
        shade, turn = float(rng.normal(0, 1)), float(rng.uniform(0, 180))
        cv2.ellipse(relief, centre, axes, turn, 0, 360, shade, cv2.FILLED, cv2.LINE_AA)
    return cv2.GaussianBlur(relief, (0, 0), 0.8) + 0.3 * _octaves(rng, (200,), 1)


def _smooth(rng: np.random.Generator) -> np.ndarray:
    return _octaves(rng, (3, 6), 0.5) + 0.1 * _octaves(rng, (400,), 1)


def _marble(rng: np.random.Generator) -> np.ndarray:
    bend = _octaves(rng, (4, 9, 20, 60), 0.6)
    return -np.exp(-np.abs(np.sin(2.5 * bend)) * 9) + 0.2 * _octaves(rng, (5, 300), 0.6)
