"""Things that lie about and are no codes: shapes, lines, text, and patterns that look like codes from afar."""

from __future__ import annotations

import cv2
import numpy as np

from compress.codes.easy.paste import paste, posed_quad

_GLYPHS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789     "))


def draw_clutter(rng: np.random.Generator, image: np.ndarray) -> None:
    """Draw a random amount of clutter onto the image (uint8 [H, W, 3], changed in place)."""
    for _ in range(int(rng.integers(0, 12))):
        _shape(rng, image)
    for _ in range(int(rng.integers(0, 5))):
        texture = clutter_texture(rng)
        height, width = image.shape[:2]
        long_side = float(rng.uniform(0.1, 0.5)) * min(width, height)
        scale = long_side / max(texture.shape[:2])
        centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        size = (texture.shape[1] * scale, texture.shape[0] * scale)
        quad = posed_quad(rng, *size, centre, float(rng.uniform(0, 360)), skew=0.08)
        paste(image, texture, quad, opacity=float(rng.uniform(0.6, 1)))


def clutter_texture(rng: np.random.Generator) -> np.ndarray:
    """Something flat that is no code: print, stripes, checks or nested squares; uint8 [h, w, 3]."""
    textures = (_text_block, _stripes, _checks, _squares)
    return textures[int(rng.choice(len(textures), p=(0.4, 0.3, 0.15, 0.15)))](rng)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    blue, green, red = rng.integers(0, 256, 3).tolist()
    return blue, green, red


def _shape(rng: np.random.Generator, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
    reach = int(rng.integers(8, max(9, min(width, height) // 3)))
    colour = _colour(rng)
    filled = cv2.FILLED if rng.random() < 0.6 else int(rng.integers(1, 6))
    kind = rng.integers(0, 4)
    if kind == 0:
        far = (x + int(rng.integers(-2 * reach, 2 * reach)), y + int(rng.integers(-2 * reach, 2 * reach)))
        cv2.line(image, (x, y), far, colour, int(rng.integers(1, 7)), cv2.LINE_AA)
    elif kind == 1:
        axes = (reach, int(reach * rng.uniform(0.3, 1)))
        cv2.ellipse(image, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, colour, filled, cv2.LINE_AA)
    else:
        corners = int(rng.integers(3, 6)) if kind == 2 else 4
        turns = np.sort(rng.uniform(0, 2 * np.pi, corners))
        points = np.column_stack([np.cos(turns), np.sin(turns)]) * reach + (x, y)
        outline = np.rint(points).astype(np.int32)
        if filled == cv2.FILLED:
            cv2.fillPoly(image, [outline], colour, cv2.LINE_AA)
        else:
            cv2.polylines(image, [outline], True, colour, filled, cv2.LINE_AA)


def _text_block(rng: np.random.Generator) -> np.ndarray:
    """Some lines of meaningless print on paper."""
    lines = int(rng.integers(1, 6))
    paper, ink = int(rng.integers(140, 256)), int(rng.integers(0, 110))
    texture = np.full((22 * lines + 14, 170, 3), paper, np.uint8)
    for i in range(lines):
        text = "".join(rng.choice(_GLYPHS, size=int(rng.integers(4, 14))))
        cv2.putText(texture, text, (8, 22 * i + 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (ink,) * 3, 1, cv2.LINE_AA)
    return texture


def _stripes(rng: np.random.Generator) -> np.ndarray:
    """Even stripes of two colours, as on a fence or a crossing: a bar code is never even."""
    period = int(rng.integers(8, 25))
    ink = np.arange(140) % period < max(2, int(period * rng.uniform(0.3, 0.7)))
    texture = np.empty((int(rng.integers(40, 141)), 140, 3), np.uint8)
    texture[:] = _colour(rng)
    texture[:, ink] = _colour(rng)
    return texture


def _checks(rng: np.random.Generator) -> np.ndarray:
    """A chessboard."""
    rows, columns = (int(n) for n in rng.integers(3, 9, 2))
    board = np.indices((rows, columns)).sum(0) % 2
    colours = np.array([_colour(rng), _colour(rng)], np.uint8)
    return np.repeat(np.repeat(colours[board], 12, axis=0), 12, axis=1)


def _squares(rng: np.random.Generator) -> np.ndarray:
    """Nested squares, like a lone finder pattern."""
    texture = np.empty((120, 120, 3), np.uint8)
    colours = [_colour(rng), _colour(rng)]
    for i in range(int(rng.integers(2, 5))):
        inset = 13 * i
        texture[inset : 120 - inset, inset : 120 - inset] = colours[i % 2]
    return texture
