"""Uneven light: a lamp to one side, a darker rim, cast shadows, glare, and a white balance that is a little off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# Light changes slowly, so it is worked out on a grid this many times coarser than the image.
_STEP = 6
# A gain of 1 in 8 bits: leaves room for light up to 1.5 times as strong.
_ONE = 168


@dataclass(frozen=True)
class Lighting:
    """`gain` uint8 [H, W, 3], _ONE for unchanged; `glare` uint8 [H, W, 3] to be added, None for none."""

    gain: np.ndarray
    glare: np.ndarray | None

    def shine(self, image: np.ndarray) -> np.ndarray:
        """The image under this light: uint8 [H, W, 3], saturated where the glare burns out."""
        lit = cv2.multiply(image, self.gain, scale=1 / _ONE)
        return lit if self.glare is None else cv2.add(lit, self.glare, dst=lit)


def draw_light(
    rng: np.random.Generator, width: int, height: int, glossy: Sequence[tuple[float, float]] = ()
) -> Lighting:
    """Light for an image of this size; glare likes to fall on one of the places `glossy` (x, y)."""
    columns, rows = max(8, width // _STEP), max(8, height // _STEP)
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j].astype(np.float32)
    if rng.random() < 0.6:  # a lamp beside the image or in it
        at = rng.uniform(-0.4, 1.4, 2)
        fall = np.float32(rng.uniform(0.3, 1.6))
        lamp = 1 / (1 + fall * ((x - np.float32(at[0])) ** 2 + (y - np.float32(at[1])) ** 2))
    else:  # a window: even over the image, or nearly so
        turn = rng.uniform(0, 2 * np.pi)
        slope = rng.uniform(0, 0.5)
        lamp = 1 - np.float32(slope) * (x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn)))
    lamp /= lamp.max()
    if rng.random() < 0.4:
        lamp *= _cast_shadow(rng, columns, rows)
    ambient = np.float32(rng.uniform(0.15, 0.5))
    rim = 1 - np.float32(rng.uniform(0, 0.35)) * 2 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    # What the lamp does not reach gets the bluer light of the room.
    warmth = rng.normal(0, 0.05)
    lamp_colour = np.array([1 - warmth - 0.03, 1, 1 + warmth + 0.03], np.float32)
    room_colour = np.array([1.05, 1, 0.95], np.float32)
    lit = (lamp * rim)[..., None] * (1 - ambient) * lamp_colour + (ambient * rim)[..., None] * room_colour
    level = np.float32(rng.uniform(0.9, 1.25) / max(float(lit.mean()), 0.3) * rng.uniform(0.75, 1))
    # In one go with the light, which saves a pass over the image.
    balance = 1 + rng.normal(0, 0.025, 3) + rng.normal(0, 0.05) * np.array([-1, 0, 1])
    gain = np.clip(lit * (level * balance * _ONE).astype(np.float32), 0, 255).astype(np.uint8)
    gain = cv2.resize(gain, (width, height), interpolation=cv2.INTER_LINEAR)
    return Lighting(gain, _glare(rng, width, height, glossy) if rng.random() < 0.22 else None)


def _cast_shadow(rng: np.random.Generator, columns: int, rows: int) -> np.ndarray:
    """The shadow of something outside the image: an edge, a blob, or a blind; float32 [rows, columns], 0..1."""
    light = np.ones((rows, columns), np.float32)
    reach = float(np.hypot(columns, rows))
    dark = float(1 - rng.uniform(0.3, 0.85))
    turn = rng.uniform(0, 2 * np.pi)
    along = np.array([np.cos(turn), np.sin(turn)])
    across = np.array([-along[1], along[0]])
    middle = rng.uniform(0.1, 0.9, 2) * (columns, rows)
    kind = rng.random()
    if kind < 0.5:
        bands = [(0.0, reach)]
    elif kind < 0.7:
        pitch = reach * rng.uniform(0.06, 0.2)
        bands = [(i * pitch, (i + rng.uniform(0.4, 0.6)) * pitch) for i in range(-8, 9)]
    else:
        bands = []
        turns = np.linspace(0, 2 * np.pi, 9)[:-1]
        radii = rng.uniform(0.1, 0.3, 8) * reach
        blob = middle + np.stack([np.cos(turns), np.sin(turns)], axis=-1) * radii[:, None]
        cv2.fillPoly(light, [np.rint(blob).astype(np.int32)], dark, cv2.LINE_AA)
    for near, far in bands:
        corners = [
            middle + across * s + along * t for s, t in ((near, -reach), (near, reach), (far, reach), (far, -reach))
        ]
        cv2.fillConvexPoly(light, np.rint(corners).astype(np.int32), dark, cv2.LINE_AA)
    return cv2.GaussianBlur(light, (0, 0), float(np.exp(rng.uniform(np.log(0.8), np.log(0.08 * reach)))))


def _glare(rng: np.random.Generator, width: int, height: int, glossy: Sequence[tuple[float, float]]) -> np.ndarray:
    columns, rows = max(8, width // _STEP), max(8, height // _STEP)
    shine = np.zeros((rows, columns), np.float32)
    unit = min(columns, rows)
    for _ in range(int(rng.integers(1, 4))):
        at = rng.uniform(0, 1, 2) * (columns, rows)
        if len(glossy) and rng.random() < 0.6:
            at = (np.array(glossy[int(rng.integers(len(glossy)))]) + rng.normal(0, 0.05, 2) * unit * _STEP) / _STEP
        axes = np.maximum(rng.uniform(0.01, 0.1, 2) * unit, 1).astype(int).tolist()
        centre = np.rint(at).astype(int).tolist()
        cv2.ellipse(shine, centre, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(40, 260)), cv2.FILLED)
    soft = cv2.GaussianBlur(shine, (0, 0), float(rng.uniform(0.01, 0.06)) * unit + 0.5)
    spots = cv2.resize(np.clip(soft, 0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(spots, cv2.COLOR_GRAY2BGR)
