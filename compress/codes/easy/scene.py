"""One image: a background, clutter, the symbols with their tight boxes, and the camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from compress.codes.easy.background import background
from compress.codes.easy.clutter import draw_clutter
from compress.codes.easy.label_patch import Patch, draw_patch
from compress.codes.easy.paste import OVERSAMPLING, mapped, mapping, paste, posed_quad
from compress.codes.quads import cut_off, frame, inside, tight_box
from compress.codes.symbols import CLASSES, Symbol, random_symbol
from compress.codes.voc_files import VocObject

# How likely 0, 1, ... 8 symbols are in an image.
COUNT_ODDS = (0.08, 0.2, 0.2, 0.16, 0.12, 0.09, 0.07, 0.05, 0.03)
# The detectors here see images at 320 px: what is smaller than this in such a view cannot be told apart.
VIEW = 320
SMALLEST = {"dmcode": 22.0, "qrcode": 30.0, "barcode": 44.0}
# Texture pixels a module: enough for sharp edges at any size.
FINEST_PITCH = 8
TRIES = 12
ALLOWED_OVERLAP = 0.04
LEAST_VISIBLE = 0.65


@dataclass(frozen=True)
class Placed:
    """A symbol in an image. `corners` float64 [4, 2] are those of its modules, which may lie outside the image."""

    symbol: Symbol
    corners: np.ndarray
    patch: Patch
    quad: np.ndarray


@dataclass(frozen=True)
class Scene:
    """`image` uint8 [H, W, 3] BGR, and the symbols in it."""

    image: np.ndarray
    placed: list[Placed]

    @property
    def objects(self) -> list[VocObject]:
        """The symbols with their boxes; all are easy to see."""
        height, width = self.image.shape[:2]
        return [
            VocObject(each.symbol.name, tight_box(each.corners, width, height), cut_off(each.corners, width, height))
            for each in self.placed
        ]


def draw_scene(rng: np.random.Generator, sides: tuple[int, int], size: tuple[int, int] | None = None) -> Scene:
    """Draw an image with 0 to 8 symbols; each side is sides[0] to sides[1] pixels long, unless `size` is given."""
    width, height = size or (int(side) for side in rng.integers(sides[0], sides[1] + 1, 2))
    image = background(rng, width, height)
    draw_clutter(rng, image)
    placed: list[Placed] = []
    count = int(rng.choice(len(COUNT_ODDS), p=COUNT_ODDS))
    for _ in range(count):
        symbol = random_symbol(rng, CLASSES[int(rng.integers(len(CLASSES)))])
        for _ in range(TRIES):
            candidate = _place(rng, symbol, width, height, count)
            if _fits(candidate, placed, width, height):
                paste(image, candidate.patch.texture, candidate.quad)
                placed.append(candidate)
                break
    return Scene(_photograph(rng, image), placed)


def _place(rng: np.random.Generator, symbol: Symbol, width: int, height: int, count: int) -> Placed:
    """Choose size, turn and place of a symbol; the smaller, the more symbols the image is to hold."""
    view_scale = VIEW / max(width, height)
    smallest = SMALLEST[symbol.name] * rng.choice([0.75, 1.0], p=[0.12, 0.88])
    largest = max(1.2 * smallest, VIEW * min(width, height) / max(width, height) * (0.75 - 0.05 * count))
    length = float(np.exp(rng.uniform(np.log(smallest), np.log(largest)))) / view_scale
    module = length / symbol.modules.shape[1]
    patch = draw_patch(rng, symbol, pitch=int(np.clip(np.ceil(module * OVERSAMPLING), 2, FINEST_PITCH)))
    scale = length / (patch.area[2] - patch.area[0])
    angle = _angle(rng)
    texture_height, texture_width = patch.texture.shape[:2]
    centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
    quad = posed_quad(rng, texture_width * scale, texture_height * scale, centre, angle, skew=0.03)
    x0, y0, x1, y1 = patch.area
    homography = mapping((texture_width, texture_height), quad)
    corners = mapped(homography, np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64))
    return Placed(symbol, corners, patch, quad)


def _angle(rng: np.random.Generator) -> float:
    """Degrees: most labels lie nearly straight or on a side, the others anyhow."""
    kind = rng.random()
    if kind < 0.4:
        return float(rng.normal(0, 4))
    if kind < 0.55:
        return float(90 * rng.integers(1, 4) + rng.normal(0, 4))
    return float(rng.uniform(0, 360))


def _fits(candidate: Placed, placed: list[Placed], width: int, height: int) -> bool:
    """Whether enough of the symbol is in the image and its label keeps off the symbols that are there already."""
    if inside(frame(width, height), candidate.corners) < LEAST_VISIBLE:
        return False
    return all(inside(candidate.quad, other.corners) < ALLOWED_OVERLAP for other in placed)


def _photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Light that falls off to one side, a lens that is a little out of focus, and sensor noise."""
    height, width = image.shape[:2]
    corners = rng.uniform(0.75, 1.1, (2, 2)).astype(np.float32)
    light = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    shot = cv2.multiply(image, cv2.merge([light] * 3), dtype=cv2.CV_32F)
    if rng.random() < 0.5:
        shot = cv2.GaussianBlur(shot, (0, 0), float(rng.uniform(0.4, 1.0)))
    noise = np.zeros((height, width), np.float32)
    if rng.random() < 0.6:
        rng.standard_normal(out=noise, dtype=np.float32)
        noise *= np.float32(rng.uniform(1, 7))
    return cv2.add(shot, cv2.merge([noise] * 3), dtype=cv2.CV_8U)
