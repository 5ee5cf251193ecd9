"""One image as a phone takes it: a place, things with and without symbols, what hides them, light and camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from compress.codes.quads import frame, inside, thickness
from compress.codes.real import carriers, lens
from compress.codes.real.backdrop import Backdrop, draw_backdrop
from compress.codes.real.canvas import Canvas, area_corners, darken
from compress.codes.real.carriers import Carrier
from compress.codes.real.light import draw_light
from compress.codes.real.occluders import film, occlude
from compress.codes.real.pose import box_faces, facing, lying, turn_of
from compress.codes.real.surfaces import natural_colour
from compress.codes.real.visibility import judge
from compress.codes.symbols import Symbol
from compress.codes.voc_files import VocObject

# How likely 0, 1, ... 8 symbols of their own are in an image; a sheet of labels comes on top.
COUNT_ODDS = (0.08, 0.2, 0.2, 0.16, 0.12, 0.09, 0.07, 0.05, 0.03)
SHEET_ODDS = 0.06
# The share of tiny symbols, and how long they are in pixels; a bar code is longer than high.
TINY_ODDS = 0.1
TINY = (10.0, 22.0)
SMALLEST = 24.0
LONGER = {"dmcode": 1.0, "qrcode": 1.0, "barcode": 1.7}
# A symbol is put nowhere where less than this is in the image, or where it is thinner than this many pixels.
LEAST_INSIDE = 0.45
LEAST_SIDE = 5.0
# How much of a carton's side the camera sees, by area, if a label is to be on it.
LEAST_SEEN = 0.3
TRIES = 4
_COARSEST, _FINEST = 1, 8


@dataclass(frozen=True)
class RealScene:
    """`image` uint8 [H, W, 3] BGR, and the symbols in it."""

    image: np.ndarray
    objects: list[VocObject]


def draw_real_scene(rng: np.random.Generator, width: int, height: int) -> RealScene:
    """Draw an image of this size with some symbols, usually 0 to 8, on a sheet of labels up to 24 more."""
    stage = _Stage(rng, width, height)
    stage.fill()
    canvas = stage.canvas
    for number in range(1, len(canvas.marks) + 1):
        if rng.random() < 0.1:
            stage.cover(number)
    glossy = [tuple(mark.corners.mean(0).tolist()) for mark in canvas.marks]
    shot = draw_light(rng, width, height, glossy).shine(canvas.image)
    shot = cv2.LUT(lens.blurred(rng, shot), lens.tone_curve(rng))
    grey = cv2.cvtColor(shot, cv2.COLOR_BGR2GRAY)
    noise = lens.noise_level(rng, float(grey.mean()))
    return RealScene(lens.add_noise(rng, shot, noise), judge(canvas, grey, noise))


class _Stage:
    """A scene that is being set up."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng = rng
        self.unit = min(width, height)
        self.backdrop: Backdrop = draw_backdrop(rng, width, height)
        self.canvas = Canvas(self.backdrop.image)
        # Where shadows fall, and how hard they are.
        turn = rng.uniform(0, 2 * np.pi)
        self.shade = np.array([np.cos(turn), 0.5 + 0.5 * np.sin(turn)])
        self.softness = float(rng.uniform(0.3, 1.2))
        self.darkness = float(rng.uniform(0.3, 0.65))
        self.wall = (float(rng.normal(0, 0.35)), float(rng.normal(0, 0.06)))

    def fill(self) -> None:
        """Put things with symbols and without into the scene, those that are far away first."""
        rng = self.rng
        count = int(rng.choice(len(COUNT_ODDS), p=COUNT_ODDS))
        slots = ["symbol"] * count + ["nothing"] * int(rng.integers(0, 4))
        if rng.random() < SHEET_ODDS:
            slots = ["sheet", *slots[: len(slots) // 2]]
        places = [self._place() for _ in slots]
        if self.backdrop.kind == "table":
            places.sort(key=lambda place: place[1])
        for slot, place in zip(rng.permutation(slots).tolist(), places, strict=True):
            self._put(slot, count, place)

    def cover(self, number: int) -> None:
        """Put something over a part of a symbol that is there."""
        corners = self.canvas.marks[number - 1].corners
        width, height = self.canvas.size
        spot = self.rng.dirichlet(np.ones(4)) @ np.clip(corners, 0, (width, height))
        reach = min(max(float(np.ptp(corners, axis=0).mean()), 8.0), self.unit * 0.6)
        if self.rng.random() < 0.15:
            film(self.rng, self.canvas, tuple(spot), reach)
        else:
            for _ in range(2):
                if occlude(self.rng, self.canvas, tuple(spot), reach):
                    return

    def _place(self) -> tuple[float, float]:
        width, height = self.canvas.size
        return float(self.rng.uniform(0, width)), float(self.rng.uniform(self.backdrop.top, height))

    def _put(self, slot: str, count: int, place: tuple[float, float]) -> None:
        """Make a thing and find room for it near `place`, or give up after some tries."""
        rng = self.rng
        symbol = carriers.any_symbol(rng) if slot == "symbol" else None
        length = self._length(symbol, count) if symbol else 0.0
        boxed = slot != "sheet" and rng.random() < (0.18 if symbol else 0.3)
        thing, scale = (None, 0.0) if boxed else self._thing(slot, symbol, length)
        # What is behind may be covered, but seldom.
        least = 0.3 if rng.random() < 0.25 else 0.92
        for _ in range(TRIES):
            if thing is None and self._carton(symbol, length, place, least):
                return
            if thing and self._show(thing, scale, place, least):
                return
            place = (float(rng.uniform(0, self.canvas.size[0])), place[1])

    def _thing(self, slot: str, symbol: Symbol | None, length: float) -> tuple[Carrier, float]:
        """Something flat, and how many pixels of the image one of its texture's is when it is seen straight."""
        rng = self.rng
        if symbol is None:
            thing = self._labels() if slot == "sheet" else carriers.distractor(rng)
            side = float(rng.uniform(0.6, 1.2) if slot == "sheet" else rng.uniform(0.12, 0.6)) * self.unit
            return thing, side / max(thing.texture.shape[:2])
        pitch = self._pitch(symbol, length)
        most = min(max(0.65 * self.unit / length, 1.3), 6.0)
        scale = length / (symbol.modules.shape[1] * pitch)
        kind = rng.random()
        if kind < 0.38:
            return carriers.label(rng, symbol, pitch), scale
        if kind < 0.58:
            return carriers.sheet(rng, symbol, pitch, most), scale
        if kind < 0.8:
            return carriers.package(rng, symbol, pitch, most), scale
        if kind < 0.9:
            return carriers.screen(rng, symbol, pitch, most), scale
        return carriers.plate(rng, symbol, pitch, most), scale

    def _labels(self) -> Carrier:
        symbols = [carriers.any_symbol(self.rng) for _ in range(int(self.rng.integers(6, 25)))]
        if self.rng.random() < 0.6:
            symbols = [symbol for symbol in symbols if symbol.linear == symbols[0].linear]
        return carriers.label_sheet(self.rng, symbols, 3)

    def _length(self, symbol: Symbol, count: int) -> float:
        """Pixels along the modules when seen straight; the more symbols, the smaller they are."""
        longer = LONGER[symbol.name]
        if self.rng.random() < TINY_ODDS:
            return longer * float(self.rng.uniform(*TINY))
        largest = max(1.5 * SMALLEST * longer, self.unit * (0.75 - 0.05 * count))
        return float(np.exp(self.rng.uniform(np.log(SMALLEST * longer), np.log(largest))))

    def _pitch(self, symbol: Symbol, length: float) -> int:
        return min(max(round(length / symbol.modules.shape[1]), _COARSEST), _FINEST)

    def _show(self, thing: Carrier, scale: float, place: tuple[float, float], least: float) -> bool:
        """Lay a flat thing on the table, hang it on the wall or hold it up."""
        rng = self.rng
        camera = self.backdrop.camera
        width, height = thing.texture.shape[1] * scale, thing.texture.shape[0] * scale
        if self.backdrop.kind == "wall" and rng.random() < 0.7:
            corners = facing(width, height, camera, _crooked(rng), *self.wall)
            lift = 0.01
        elif self.backdrop.kind != "wall" and rng.random() < 0.75:
            corners = lying(width, height, _crooked(rng))
            lift = 0.012
        else:
            yaw, pitch = np.clip(rng.normal(0, 0.4, 2), -1, 1).tolist()
            corners = facing(width, height, camera, _crooked(rng), yaw, pitch)
            lift = float(rng.uniform(0.02, 0.1))
        quad = camera.project(corners, place)
        if not self._acceptable(thing, quad):
            return False
        if not self.canvas.fits(quad, least):
            return False
        self._shadow(quad, lift * max(width, height) + 1)
        self.canvas.lay(thing.texture, quad, thing.areas)
        return True

    def _carton(self, symbol: Symbol | None, length: float, place: tuple[float, float], least: float) -> bool:
        """A cardboard box, whose sides may have labels."""
        rng = self.rng
        width = float(rng.uniform(0.2, 0.55)) * self.unit
        size = (width, width * float(rng.uniform(0.35, 0.9)), width * float(rng.uniform(0.4, 1)))
        if symbol and length * 1.4 > min(size):
            size = tuple(side * length * 1.5 / min(size) for side in size)  # type: ignore[assignment]
        yaw = self.wall[0] if self.backdrop.kind == "wall" else float(rng.normal(0, 0.6))
        faces = box_faces(size, yaw, self.backdrop.camera, place)
        outline = cv2.convexHull(np.concatenate([face.quad for face in faces])).reshape(-1, 2)
        if max(size) > 1.3 * self.unit or not self.canvas.fits(outline, least):
            return False
        colour = np.array([110, 150, 185]) * rng.uniform(0.75, 1.15) + rng.uniform(-10, 10, 3)
        if rng.random() < 0.3:
            colour = natural_colour(rng)
        light = np.array([rng.normal(0, 0.6), -1, -0.6])
        light /= np.linalg.norm(light)
        sides: list[tuple[Carrier, np.ndarray]] = []
        for face in faces:
            shape = (max(4, round(face.width)), max(4, round(face.height)))
            side = carriers.carton_side(rng, shape, colour, tape=face.normal[1] != 0)
            seen = turn_of(face.quad) / (face.width * face.height)
            if symbol and seen > LEAST_SEEN and (not sides or rng.random() < 0.3):
                other = symbol if not sides else carriers.any_symbol(rng)
                carriers.stick(rng, side, other, max(1, round(length / other.modules.shape[1])))
            if not self._acceptable(side, face.quad):
                return False
            shade = 0.62 + 0.38 * max(0.0, float(face.normal @ light))
            sides.append((Carrier(cv2.convertScaleAbs(side.texture, alpha=shade), side.areas), face.quad))
        self._shadow(outline, 0.2 * size[1])
        # The edges, which the sides' own soft rims would let the background shine through.
        cv2.fillConvexPoly(self.canvas.image, np.rint(outline - 0.5).astype(np.int32), (colour * 0.6).tolist())
        for side, quad in sides:
            self.canvas.lay(side.texture, quad, side.areas)
        return True

    def _shadow(self, outline: np.ndarray, lift: float) -> None:
        softness = max(0.8, self.softness * lift)
        offset = self.shade * lift
        darken(self.canvas.image, outline, (float(offset[0]), float(offset[1])), softness, self.darkness)

    def _acceptable(self, thing: Carrier, quad: np.ndarray) -> bool:
        for _, area in thing.areas:
            corners = area_corners(thing.texture, quad, area)
            if thickness(corners) < LEAST_SIDE:
                return False
            if len(thing.areas) == 1 and inside(frame(*self.canvas.size), corners) < LEAST_INSIDE:
                return False
        return True


def _crooked(rng: np.random.Generator) -> float:
    """Radians: most things lie nearly straight or on a side, the others anyhow."""
    kind = rng.random()
    if kind < 0.45:
        return float(rng.normal(0, 0.08))
    if kind < 0.6:
        return float(np.pi / 2 * rng.integers(1, 4) + rng.normal(0, 0.08))
    return float(rng.uniform(0, 2 * np.pi))
