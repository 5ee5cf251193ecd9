"""What gets between the camera and a code: fingers, pens, cables, leaves, strips of film."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from compress.codes.real.canvas import Canvas, blend, darken
from compress.codes.real.surfaces import natural_colour

_SHADES = 7
# This much of a symbol stays to be seen.
LEAST_LEFT = 0.3


def occlude(rng: np.random.Generator, canvas: Canvas, spot: tuple[float, float], reach: float) -> bool:
    """Put something over `spot` (x, y); `reach` is the size in pixels of what lies there.

    False, and nothing painted, where it would hide too much of a symbol.
    """
    makers: tuple[Callable[[np.random.Generator, tuple[float, float], float], _Stroke], ...]
    makers = (_finger, _pen, _cable, _leaf)
    stroke = makers[int(rng.choice(len(makers), p=(0.35, 0.25, 0.2, 0.2)))](rng, spot, reach)
    return stroke.paint(rng, canvas)


class _Stroke:
    """A line that is painted several times, ever thinner and lighter towards the light: it looks round."""

    def __init__(self, points: np.ndarray, thickness: float, colour: np.ndarray, gloss: float) -> None:
        self.points, self.thickness, self.colour, self.gloss = points, max(thickness, 2.0), colour, gloss

    def paint(self, rng: np.random.Generator, canvas: Canvas) -> bool:
        margin = self.thickness / 2 + 2
        width, height = canvas.size
        x0, y0 = np.maximum(np.floor(self.points.min(0) - margin).astype(int), 0).tolist()
        x1, y1 = np.minimum(np.ceil(self.points.max(0) + margin).astype(int), (width, height)).tolist()
        if x1 - x0 < 2 or y1 - y0 < 2:
            return False
        local = self.points - (x0, y0)
        alpha = np.zeros((y1 - y0, x1 - x0), np.uint8)
        self._line(alpha, local, self.thickness, 255)
        mask = alpha > 127
        if canvas.would_hide(x0, y0, mask, LEAST_LEFT):
            return False
        colour = np.empty((*alpha.shape, 3), np.uint8)
        colour[:] = (self.colour * 0.55).astype(np.uint8)
        towards = np.array([-1.0, -1.0]) * self.thickness * 0.14
        for i in range(1, _SHADES):
            share = i / (_SHADES - 1)
            shade = np.minimum(self.colour * (0.55 + 0.6 * share) + 255 * self.gloss * max(0, share - 0.7), 255)
            self._line(colour, local + towards * share, self.thickness * (1 - 0.88 * share), shade.tolist())
        self._finish(rng, colour, local)
        darken(canvas.image, self._outline(), (self.thickness * 0.3, self.thickness * 0.4), self.thickness * 0.25, 0.35)
        blend(canvas.image[y0:y1, x0:x1], colour, alpha)
        canvas.claim(x0, y0, mask)
        return True

    def _line(self, image: np.ndarray, points: np.ndarray, thickness: float, colour: object) -> None:
        fixed = np.rint(points * 16).astype(np.int32)
        cv2.polylines(image, [fixed], False, colour, max(1, round(thickness)), cv2.LINE_AA, 4)  # type: ignore[call-overload]

    def _outline(self) -> np.ndarray:
        along = np.gradient(self.points, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=-1)
        normal *= 0.5 * self.thickness / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        return np.concatenate([self.points + normal, (self.points - normal)[::-1]])

    def _finish(self, rng: np.random.Generator, colour: np.ndarray, local: np.ndarray) -> None:
        """Details on top, in the coordinates of the region."""


class _Finger(_Stroke):
    def _finish(self, rng: np.random.Generator, colour: np.ndarray, local: np.ndarray) -> None:
        along = local[0] - local[1]
        along = along / max(float(np.linalg.norm(along)), 1e-6)
        nail = local[0] + along * 0.05 * self.thickness
        axes = (self.thickness * 0.36, self.thickness * 0.27)
        turn = float(np.degrees(np.arctan2(along[1], along[0])))
        tone = np.minimum(self.colour * 1.08 + (14, 4, 8), 255).tolist()
        at, size = np.rint(nail).astype(int).tolist(), [max(1, round(a)) for a in axes]
        cv2.ellipse(colour, at, size, turn, 0, 360, tone, cv2.FILLED, cv2.LINE_AA)
        cv2.ellipse(colour, at, size, turn, 90, 270, (self.colour * 0.7).tolist(), 1, cv2.LINE_AA)


class _Leaf(_Stroke):
    """The line is the rib; the blade bulges to both sides."""

    def paint(self, rng: np.random.Generator, canvas: Canvas) -> bool:
        share = np.linspace(0, 1, len(self.points))[:, None]
        along = self.points[-1] - self.points[0]
        side = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6) * self.thickness / 2
        bulge = np.sin(np.pi * share**0.8)
        blade = np.concatenate([self.points + side * bulge, (self.points - side * bulge)[::-1]])
        x0, y0 = np.maximum(np.floor(blade.min(0) - 1).astype(int), 0).tolist()
        x1, y1 = np.minimum(np.ceil(blade.max(0) + 1).astype(int), canvas.size).tolist()
        if x1 - x0 < 2 or y1 - y0 < 2:
            return False
        alpha = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(alpha, [np.rint((blade - (x0, y0)) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        mask = alpha > 127
        if canvas.would_hide(x0, y0, mask, LEAST_LEFT):
            return False
        colour = np.empty((*alpha.shape, 3), np.uint8)
        colour[:] = self.colour.astype(np.uint8)
        half = np.concatenate([self.points, (self.points - side * bulge)[::-1]]) - (x0, y0)
        cv2.fillPoly(colour, [np.rint(half * 16).astype(np.int32)], (self.colour * 0.8).tolist(), cv2.LINE_AA, 4)
        vein = np.minimum(self.colour * 1.25 + 15, 255).tolist()
        self._line(colour, self.points - (x0, y0), max(1, self.thickness * 0.04), vein)
        darken(canvas.image, blade, (self.thickness * 0.06, self.thickness * 0.08), self.thickness * 0.06 + 1, 0.4)
        blend(canvas.image[y0:y1, x0:x1], colour, alpha)
        canvas.claim(x0, y0, mask)
        return True


def film(rng: np.random.Generator, canvas: Canvas, spot: tuple[float, float], reach: float) -> None:
    """A strip of clear tape or foil over `spot`: it hides nothing, but takes contrast away."""
    turn = rng.uniform(0, np.pi)
    along = np.array([np.cos(turn), np.sin(turn)])
    side = np.array([-along[1], along[0]]) * reach * rng.uniform(0.2, 0.6)
    ends = np.array([np.array(spot) - along * reach * 1.5, np.array(spot) + along * reach * 1.5])
    strip = np.array([ends[0] - side, ends[1] - side, ends[1] + side, ends[0] + side])
    x0, y0 = np.maximum(np.floor(strip.min(0)).astype(int), 0).tolist()
    x1, y1 = np.minimum(np.ceil(strip.max(0)).astype(int), canvas.size).tolist()
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    opacity = np.zeros((y1 - y0, x1 - x0), np.uint8)
    points = np.rint((strip - (x0, y0)) * 16).astype(np.int32)
    cv2.fillConvexPoly(opacity, points, rng.uniform(40, 150), cv2.LINE_AA, 4)
    colour = np.empty((*opacity.shape, 3), np.uint8)
    colour[:] = rng.uniform(130, 255) + rng.uniform(-15, 0, 3)
    blend(canvas.image[y0:y1, x0:x1], colour, opacity)


def _curve(rng: np.random.Generator, start: np.ndarray, end: np.ndarray, bend: float, count: int = 16) -> np.ndarray:
    """A smooth curve [count, 2] between two points, bent aside by up to `bend` times their distance."""
    middle = (start + end) / 2
    aside = np.array([-(end - start)[1], (end - start)[0]]) * rng.uniform(-bend, bend)
    t = np.linspace(0, 1, count)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * (middle + 2 * aside) + t**2 * end


def _direction(rng: np.random.Generator) -> np.ndarray:
    turn = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(turn), np.sin(turn)])


def _finger(rng: np.random.Generator, spot: tuple[float, float], reach: float) -> _Stroke:
    """From below, as the hand that holds the thing."""
    tip = np.array(spot) + rng.uniform(-0.25, 0.25, 2) * reach
    turn = rng.normal(np.pi / 2, 0.6)
    thickness = reach * rng.uniform(0.25, 0.5)
    away = np.array([np.cos(turn), np.sin(turn)]) * max(2.5 * reach, 6 * thickness)
    tone = np.array([[105, 140, 205], [130, 165, 225], [60, 95, 150], [40, 60, 95], [150, 180, 235]])
    skin = tone[int(rng.integers(len(tone)))] * rng.uniform(0.8, 1.1)
    return _Finger(_curve(rng, tip, tip + away, 0.06), thickness, np.minimum(skin, 255), 0.05)


def _pen(rng: np.random.Generator, spot: tuple[float, float], reach: float) -> _Stroke:
    along = _direction(rng) * reach * rng.uniform(0.8, 2.5)
    middle = np.array(spot) + rng.uniform(-0.4, 0.4, 2) * reach
    line = np.linspace(middle - along, middle + along, 4)
    return _Stroke(line, reach * rng.uniform(0.06, 0.16), natural_colour(rng), 0.5)


def _cable(rng: np.random.Generator, spot: tuple[float, float], reach: float) -> _Stroke:
    along = _direction(rng) * reach * rng.uniform(1.5, 4)
    at = np.array(spot) + rng.uniform(-0.4, 0.4, 2) * reach
    shade = rng.uniform(15, 70) if rng.random() < 0.6 else rng.uniform(150, 230)
    line = _curve(rng, at - along, at + along, 0.5, 28)
    return _Stroke(line, reach * rng.uniform(0.03, 0.09), shade + rng.uniform(-10, 10, 3), 0.3)


def _leaf(rng: np.random.Generator, spot: tuple[float, float], reach: float) -> _Stroke:
    along = _direction(rng) * reach * rng.uniform(0.4, 0.9)
    at = np.array(spot) + rng.uniform(-0.5, 0.5, 2) * reach
    hue = rng.uniform(12, 48)
    pixel = np.array([[[hue, rng.uniform(60, 190), rng.uniform(60, 190)]]], np.uint8)
    colour = cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(float)
    return _Leaf(_curve(rng, at - along, at + along, 0.15, 20), reach * rng.uniform(0.3, 0.6), colour, 0)
