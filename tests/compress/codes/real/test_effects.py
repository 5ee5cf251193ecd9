"""Light, lens and what gets in between: each does what it is named for, and nothing else."""

import cv2
import numpy as np
import pytest

from compress.codes.real import lens
from compress.codes.real.canvas import Canvas
from compress.codes.real.light import Lighting, draw_light
from compress.codes.real.occluders import LEAST_LEFT, film, occlude
from compress.codes.symbols import Symbol

GREY = np.full((120, 160, 3), 128, np.uint8)


def test_light_is_uneven_and_sometimes_glares() -> None:
    spreads, levels, glares = [], [], 0
    for seed in range(60):
        light = draw_light(np.random.default_rng(seed), 160, 120, [(40.0, 30.0)])
        plain = Lighting(light.gain, None).shine(GREY)
        assert (light.shine(GREY) >= plain).all(), "glare only adds"
        spreads.append(np.ptp(plain[..., 1].astype(int)))
        levels.append(plain.mean())
        glares += light.glare is not None
    assert np.median(spreads) > 25
    assert 5 <= glares <= 30
    assert 80 < np.mean(levels) < 150, "neither night nor snow on average"
    assert np.std(levels) > 8


@pytest.mark.parametrize(
    ("length", "direction"),
    [(4, 0.0), (12, 0.0), (12, np.pi / 2), (12, np.pi / 4), (16, 3 * np.pi / 4), (16, 1.0)],
)
def test_motion_blur(length: float, direction: float) -> None:
    """A dot becomes a stroke of that length and direction, its middle where the dot was."""
    image = np.zeros((81, 81, 3), np.uint8)
    image[40, 40] = 255
    moved = lens.moved(image, length, direction)[..., 0].astype(float)
    assert moved.shape == (81, 81)
    rows, columns = np.nonzero(moved)
    weight = moved[rows, columns] / moved.sum()
    middle = np.array([(columns * weight).sum(), (rows * weight).sum()])
    assert np.abs(middle - 40).max() <= 0.6
    assert np.hypot(np.ptp(columns), np.ptp(rows)) == pytest.approx(length * 7 / 8, abs=2)
    first, last = np.argmin(rows * 100 + columns), np.argmax(rows * 100 + columns)
    turn = np.arctan2(rows[last] - rows[first], columns[last] - columns[first])
    assert abs((turn - direction + np.pi / 2) % np.pi - np.pi / 2) < 0.2


def test_lens_softens_and_keeps_the_mean() -> None:
    checks = (np.indices((120, 160)).sum(0) // 4 % 2 * 100 + 70).astype(np.uint8)[..., None].repeat(3, 2)
    slopes = []
    for seed in range(40):
        shot = lens.blurred(np.random.default_rng(seed), checks)
        assert shot.mean() == pytest.approx(checks.mean(), abs=6)
        slopes.append(np.abs(np.diff(shot[60, :, 0].astype(int))).max())
    assert min(slopes) < 30 < max(slopes), "some out of focus, some sharp"


@pytest.mark.parametrize("size", [(64, 64), (640, 480), (1700, 900)])
@pytest.mark.parametrize("level", [2.0, 8.0])
def test_noise(size: tuple[int, int], level: float) -> None:
    flat = np.full((size[1], size[0], 3), 128, np.uint8)
    noisy = lens.add_noise(np.random.default_rng(0), flat, level)
    assert noisy.shape == flat.shape
    assert noisy.std() == pytest.approx(level, rel=0.15)
    assert noisy.mean() == pytest.approx(128, abs=0.5)
    assert (noisy != lens.add_noise(np.random.default_rng(1), flat, level)).mean() > 0.3


def test_the_darker_the_noisier() -> None:
    def level(brightness: float) -> float:
        return float(np.mean([lens.noise_level(np.random.default_rng(seed), brightness) for seed in range(50)]))

    assert level(40) > 1.5 * level(180)


def test_tone_curves_rise() -> None:
    for seed in range(30):
        table = lens.tone_curve(np.random.default_rng(seed))
        assert table.shape == (1, 256)
        assert (np.diff(table[0].astype(int)) >= 0).all()
        assert np.ptp(table) > 120


def covered_symbol() -> Canvas:
    canvas = Canvas(np.full((200, 240, 3), 128, np.uint8))
    symbol = Symbol("qrcode", "t", np.ones((21, 21), bool), 4)
    quad = np.array([[80, 60], [160, 60], [160, 140], [80, 140]], np.float32)
    canvas.lay(np.full((80, 80, 3), 250, np.uint8), quad, [(symbol, (0, 0, 80, 80))])
    return canvas


def test_occluders_take_the_pixels_that_they_paint() -> None:
    kernel, shares = np.ones((3, 3)), []
    for seed in range(80):
        canvas = covered_symbol()
        before = canvas.image.copy()
        painted = occlude(np.random.default_rng(seed), canvas, (120, 100), 80)
        share = canvas.shown(1) / canvas.marks[0].pixels
        if not painted:
            assert (canvas.image == before).all()
            assert share == 1
            continue
        shares.append(share)
        inside = np.s_[64:136, 84:156]
        taken = (canvas.owner[inside] == 0).astype(np.uint8)
        change = np.abs(canvas.image[inside].astype(int) - before[inside]).max(2)
        # Its shadow darkens by 40 % at most.
        assert not ((change > 105) & (cv2.dilate(taken, kernel) == 0)).any()
        solid = cv2.erode(taken, kernel) > 0
        assert (change[solid] == 0).sum() <= 0.05 * solid.sum()
    assert len(shares) > 50
    assert min(shares) >= LEAST_LEFT
    assert np.mean(np.array(shares) < 0.95) > 0.4, "they do lie on it"


def test_film_takes_contrast_but_no_pixels() -> None:
    canvas = covered_symbol()
    canvas.image[100:140, 80:160] = 20
    film(np.random.default_rng(0), canvas, (120, 100), 80)
    assert canvas.shown(1) == canvas.marks[0].pixels
    assert np.ptp(canvas.image[90:110, 115:125].astype(int)) < 220
