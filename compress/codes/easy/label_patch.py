"""A symbol as it is found in the world: printed on a label, with its quiet zone and perhaps some text."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from compress.codes.symbols import Symbol

_GLYPHS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))


@dataclass(frozen=True)
class Patch:
    """A flat image of a label: `texture` uint8 [h, w, 3]; `area` holds x0 y0 x1 y1 of the modules in it, pixels."""

    texture: np.ndarray
    area: tuple[int, int, int, int]


def draw_patch(rng: np.random.Generator, symbol: Symbol, pitch: int) -> Patch:
    """Print a symbol on a label, `pitch` texture pixels a module. A linear symbol gets bars of a random height."""
    rows, columns = symbol.modules.shape
    width = columns * pitch
    height = int(width * rng.uniform(0.28, 0.75)) if symbol.linear else rows * pitch
    quiet = symbol.quiet_zone * pitch
    left, right = (quiet + int(rng.uniform(0, 0.25) * width * rng.integers(0, 2)) for _ in range(2))
    # Above and below, a linear symbol needs no quiet zone, but a label leaves some room.
    margin = max(2, height // 12) if symbol.linear else quiet
    top, bottom = (margin + int(rng.uniform(0, 0.4) * height * rng.integers(0, 2)) for _ in range(2))
    paper, ink = _colours(rng)
    texture = np.empty((top + height + bottom, left + width + right, 3), np.uint8)
    texture[:] = paper
    printed = np.stack([paper, ink])[symbol.modules.astype(np.intp)]
    texture[top : top + height, left : left + width] = cv2.resize(
        printed, (width, height), interpolation=cv2.INTER_NEAREST
    )
    if bottom - margin > 8 and rng.random() < 0.7:
        text = symbol.text if symbol.linear else "".join(rng.choice(_GLYPHS, size=8))
        _print_line(texture, text, (left, top + height + margin // 2, width, bottom - margin), ink)
    if top - margin > 8 and rng.random() < 0.5:
        _print_line(texture, "".join(rng.choice(_GLYPHS, size=10)), (left, margin // 2, width, top - margin), ink)
    return Patch(texture, (left, top, left + width, top + height))


def _colours(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Paper and ink, BGR uint8: at least 70 grey values apart, both mildly tinted."""
    light = rng.uniform(150, 255)
    dark = rng.uniform(5, min(95, light - 80))
    paper = np.clip(light + rng.uniform(-22, 8, 3), 0, 255)
    ink = np.clip(dark + rng.uniform(-8, 14, 3), 0, 255)
    return paper.astype(np.uint8), ink.astype(np.uint8)


def _print_line(texture: np.ndarray, text: str, room: tuple[int, int, int, int], ink: np.ndarray) -> None:
    """Fit a line of text into `room` (x, y, width, height)."""
    x, y, width, height = room
    (natural_width, natural_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    scale = min(width / natural_width, 0.75 * height / natural_height)
    thickness = max(1, round(2 * scale))
    origin = (x, y + int(0.5 * (height + scale * natural_height)))
    cv2.putText(texture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, ink.tolist(), thickness, cv2.LINE_AA)
