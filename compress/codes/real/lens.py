"""What a camera adds: defocus, motion blur, its tone curve, sharpening, and sensor noise."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

# The bank of noise: 8-bit numbers with this standard deviation, from which every image draws a cut-out.
_NOISE_SIDE = 768
_NOISE_SPREAD = 24.0
_SEED = 20241


def blurred(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The image through the lens: always a little soft, sometimes out of focus, sometimes moved."""
    unit = min(image.shape[:2])
    sharpness = rng.random()
    sigma = float(rng.uniform(0.35, 0.75))
    if sharpness < 0.2:
        sigma = float(rng.uniform(0.8, 1.2 + unit / 400))
    shot = cv2.GaussianBlur(image, (0, 0), sigma)
    if 0.2 <= sharpness < 0.38:
        shot = moved(shot, float(rng.uniform(3, 5 + unit / 60)), float(rng.uniform(0, np.pi)))
    elif sharpness > 0.8:  # sharpened by the camera's software, with its halos
        soft = cv2.GaussianBlur(shot, (0, 0), 1.4)
        strength = float(rng.uniform(0.3, 1.1))
        shot = cv2.addWeighted(shot, 1 + strength, soft, -strength, 0)
    return shot


def moved(image: np.ndarray, length: float, direction: float) -> np.ndarray:
    """Motion blur over `length` pixels along `direction` (radians), centred to half a pixel.

    Eight exposures: three times an image is averaged with itself, moved by whole pixels, twice as far each time.
    """
    step = np.array([np.cos(direction), np.sin(direction)]) * length / 8
    strides = [np.rint(step * factor).astype(int).tolist() for factor in (1, 2, 4)]
    wide, high = (sum(abs(stride[axis]) for stride in strides) for axis in (0, 1))
    borders = (high // 2, high - high // 2, wide // 2, wide - wide // 2)
    shot = cv2.copyMakeBorder(image, *borders, cv2.BORDER_REPLICATE)
    for x, y in strides:
        rows, columns = shot.shape[0] - abs(y), shot.shape[1] - abs(x)
        one = shot[max(y, 0) : max(y, 0) + rows, max(x, 0) : max(x, 0) + columns]
        other = shot[max(-y, 0) : max(-y, 0) + rows, max(-x, 0) : max(-x, 0) + columns]
        shot = cv2.addWeighted(one, 0.5, other, 0.5, 0)
    return shot


def tone_curve(rng: np.random.Generator) -> np.ndarray:
    """Exposure and contrast as a table: uint8 [1, 256]."""
    x = np.arange(256) / 255
    exposure = float(np.exp(rng.normal(0, 0.16)))
    bend = float(rng.uniform(0, 0.35))
    y = np.clip(x * exposure, 0, 1)
    y = (1 - bend) * y + bend * y * y * (3 - 2 * y)
    black = float(rng.uniform(0, 0.08))
    return ((black + (1 - black) * y) * 255).astype(np.uint8)[None]


def noise_level(rng: np.random.Generator, brightness: float) -> float:
    """The standard deviation of the noise in grey values; dark scenes (mean `brightness`, 0..255) are noisier."""
    gain = float(np.clip(110 / max(brightness, 10), 0.6, 2.5))
    return float(np.clip(rng.gamma(1.6, 2.2) * gain, 0.5, 22))


def add_noise(rng: np.random.Generator, image: np.ndarray, level: float) -> np.ndarray:
    """The image with sensor noise of standard deviation `level`: uint8 [H, W, 3]."""
    bank = _noise_bank()
    height, width = image.shape[:2]
    tiles = (-(-height // _NOISE_SIDE) + 1, -(-width // _NOISE_SIDE) + 1)
    y, x = rng.integers(0, _NOISE_SIDE, 2).tolist()
    if y + height <= 2 * _NOISE_SIDE and x + width <= 2 * _NOISE_SIDE:
        grain = bank[y : y + height, x : x + width]
    else:
        grain = np.tile(bank[:_NOISE_SIDE, :_NOISE_SIDE], (*tiles, 1))[y : y + height, x : x + width]
    scaled = cv2.addWeighted(grain, level / _NOISE_SPREAD, grain, 0, 0)
    return cv2.add(image, scaled, dtype=cv2.CV_8U)


@lru_cache(1)
def _noise_bank() -> np.ndarray:
    """Noise, int8, two periods in each direction: grey grain with some colour, a little coarser than pixels."""
    rng = np.random.default_rng(_SEED)
    grey = rng.standard_normal((_NOISE_SIDE, _NOISE_SIDE, 1), np.float32)
    colour = rng.standard_normal((_NOISE_SIDE, _NOISE_SIDE, 3), np.float32)
    coarse = cv2.GaussianBlur(colour, (0, 0), 0.9, borderType=cv2.BORDER_REFLECT)
    both = 0.95 * cv2.GaussianBlur(grey, (0, 0), 0.45)[..., None] + coarse
    both *= _NOISE_SPREAD / both.std()
    return np.tile(np.clip(np.rint(both), -127, 127).astype(np.int8), (2, 2, 1))
