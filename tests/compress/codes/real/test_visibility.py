"""Box and flags follow from what can be seen."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from compress.codes.real.canvas import Canvas
from compress.codes.real.visibility import (
    DIFFICULT_CONTRAST,
    DIFFICULT_SHARE,
    DIFFICULT_SIDE,
    View,
    contrast,
    judge,
)
from compress.codes.symbols import Symbol

GOOD = {"share": 1.0, "covered": 0.0, "side": 40.0, "contrast": 80.0, "noise": 2.0}


@pytest.mark.parametrize(
    ("change", "difficult"),
    [
        pytest.param({}, False, id="easy to see"),
        pytest.param({"share": DIFFICULT_SHARE}, False, id="just enough of it"),
        pytest.param({"share": DIFFICULT_SHARE - 0.01}, True, id="too little of it"),
        pytest.param({"side": DIFFICULT_SIDE}, False, id="just enough pixels"),
        pytest.param({"side": DIFFICULT_SIDE - 0.1}, True, id="too few pixels"),
        pytest.param({"contrast": DIFFICULT_CONTRAST}, False, id="just enough contrast"),
        pytest.param({"contrast": DIFFICULT_CONTRAST - 0.1}, True, id="washed out or blurred away"),
        pytest.param({"contrast": 30.0, "noise": 14.0}, False, id="noisy, but twice as strong as the noise"),
        pytest.param({"contrast": 30.0, "noise": 16.0}, True, id="drowned in noise"),
        pytest.param({"covered": 0.9}, False, id="what is covered counts by the share that is left"),
    ],
)
def test_rule_of_what_is_difficult(change: dict, difficult: bool) -> None:
    assert View(**{**GOOD, **change}).difficult is difficult


def texture() -> np.ndarray:
    """A symbol of 20 x 20 modules, four pixels each, half of them ink."""
    cells = np.random.default_rng(0).permutation(np.repeat([30, 220], 200)).reshape(20, 20)
    return np.repeat(np.repeat(cells, 4, 0), 4, 1).astype(np.uint8)[..., None].repeat(3, 2)


def square(x: float, y: float, side: float) -> np.ndarray:
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], np.float32)


def staged(x: float = 100, y: float = 60, side: float = 80) -> Canvas:
    canvas = Canvas(np.full((200, 300, 3), 128, np.uint8))
    symbol = Symbol("dmcode", "t", np.ones((20, 20), bool), 1)
    canvas.lay(texture(), square(x, y, side), [(symbol, (0, 0, 80, 80))])
    return canvas


# Where a square lies (x, y, side) on a symbol at 100 60 180 140, the box that is left, and its flags: truncated,
# occluded, difficult.
COVERS = [
    pytest.param((400, 400, 10), (100, 60, 180, 140), (0, 0, 0), id="nothing on it"),
    pytest.param((130, 90, 20), (100, 60, 180, 140), (0, 1, 0), id="something in its middle"),
    pytest.param((130, 90, 8), (100, 60, 180, 140), (0, 0, 0), id="a crumb in its middle"),
    pytest.param((90, 40, 50), (100, 60, 180, 140), (0, 1, 0), id="over one corner"),
    pytest.param((140, 0, 200), (100, 60, 140, 140), (1, 1, 0), id="over its right half: the box ends there"),
    pytest.param((170, 0, 200), (100, 60, 170, 140), (0, 1, 0), id="over its right eighth"),
    pytest.param((120, 0, 200), (100, 60, 120, 140), (1, 1, 1), id="a quarter is left"),
    pytest.param((102, 0, 200), None, None, id="nothing is left that one could know"),
]


@pytest.mark.parametrize(("cover", "box", "flags"), COVERS)
def test_covered(cover: tuple[float, float, float], box: tuple | None, flags: tuple | None) -> None:
    canvas = staged()
    canvas.lay(np.full((50, 50, 3), 90, np.uint8), square(*cover))
    found = judge(canvas, canvas.image[..., 0], noise=1.0)
    if box is None:
        assert found == []
        return
    [entry] = found
    assert np.abs(np.subtract(entry.box, box)).max() <= 1
    assert (entry.truncated, entry.occluded, entry.difficult) == flags


@pytest.mark.parametrize(
    ("x", "box", "flags"),
    [
        pytest.param(-20, (0, 60, 60, 140), (1, 0, 0), id="a quarter outside: nothing covers it"),
        pytest.param(-50, (0, 60, 30, 140), (1, 0, 1), id="most of it outside"),
        pytest.param(230, (230, 60, 300, 140), (1, 0, 0), id="over the right edge"),
    ],
)
def test_cut_off_by_the_image(x: float, box: tuple, flags: tuple) -> None:
    canvas = staged(x=x)
    [entry] = judge(canvas, canvas.image[..., 0], noise=1.0)
    assert entry.box == box
    assert (entry.truncated, entry.occluded, entry.difficult) == flags


Spoil = Callable[[np.ndarray], np.ndarray]


@pytest.mark.parametrize(
    ("spoil", "side", "difficult"),
    [
        pytest.param(lambda grey: grey, 80, False, id="as printed"),
        pytest.param(lambda grey: cv2.GaussianBlur(grey, (0, 0), 20), 80, True, id="so blurred that its modules merge"),
        pytest.param(lambda grey: cv2.add(grey, 190), 80, False, id="glare, but its ink still shows"),
        pytest.param(lambda grey: cv2.add(grey, 222), 80, True, id="burnt out"),
        pytest.param(lambda grey: (grey * 0.06).astype(np.uint8), 80, True, id="in the dark"),
        pytest.param(lambda grey: grey, 7.5, True, id="a few pixels"),
        pytest.param(lambda grey: grey, 12, False, id="tiny, but there"),
    ],
)
def test_light_blur_and_size(spoil: Spoil, side: float, difficult: bool) -> None:
    canvas = staged(side=side)
    [entry] = judge(canvas, spoil(canvas.image[..., 0].copy()), noise=1.0)
    assert entry.difficult is difficult


def test_contrast_is_the_distance_of_ink_and_paper() -> None:
    grey = texture()[..., 0]
    assert contrast(grey, np.ones_like(grey)) == pytest.approx(190, abs=1)
    assert contrast(grey, (grey < 100).astype(np.uint8)) == 0
