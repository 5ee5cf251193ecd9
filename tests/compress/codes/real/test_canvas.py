"""What is painted where, and whose the pixels are."""

import cv2
import numpy as np
import pytest

from compress.codes.quads import tight_box
from compress.codes.real.canvas import Canvas, blend, darken
from compress.codes.real.pose import Camera, facing, lying
from compress.codes.symbols import Symbol

SYMBOL = Symbol("qrcode", "text", np.ones((21, 21), bool), 4)
SIZE = (320, 240)
CAMERA = Camera(350, 0.7)


def pose(width: float, height: float, roll: float = 0, yaw: float = 0, pitch: float = 0) -> np.ndarray:
    return facing(width, height, CAMERA, roll, yaw, pitch)


def blank() -> Canvas:
    return Canvas(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))


def square(x: float, y: float, side: float) -> np.ndarray:
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], np.float32)


@pytest.mark.parametrize(
    ("corners", "centre"),
    [
        pytest.param(pose(120, 90), (160, 120), id="straight"),
        pytest.param(pose(120, 90, roll=0.6), (160, 120), id="turned"),
        pytest.param(pose(150, 150, yaw=0.9), (160, 120), id="strongly from the side"),
        pytest.param(pose(150, 150, roll=0.4, yaw=-0.8, pitch=0.5), (160, 120), id="turned, from the side and below"),
        pytest.param(lying(160, 120, 0.5), (160, 120), id="on the table"),
        pytest.param(pose(160, 120, roll=0.3, yaw=0.5), (10, 230), id="cut off at a corner of the image"),
        pytest.param(pose(24, 24, roll=0.2, yaw=0.4), (160.3, 120.7), id="tiny"),
    ],
)
def test_boxes_are_tight_in_perspective(corners: np.ndarray, centre: tuple[float, float]) -> None:
    """Against the pixels that really get the colour of the modules."""
    canvas = blank()
    texture = np.full((100, 130, 3), 60, np.uint8)
    texture[20:80, 30:110] = 255
    canvas.lay(texture, CAMERA.project(corners, centre), [(SYMBOL, (30, 20, 110, 80))])
    [mark] = canvas.marks
    painted = canvas.image[..., 0] > 157
    x, y, width, height = cv2.boundingRect(painted.astype(np.uint8))
    assert np.abs(np.subtract(tight_box(mark.corners, *SIZE), (x, y, x + width, y + height))).max() <= 1
    owned = canvas.owner == 1
    assert canvas.shown(1) == mark.pixels == owned.sum()
    # The owner's pixels are those that show it, but for those that its edge crosses.
    cross, inner = np.ones((3, 3)), owned.astype(np.uint8)
    rim = cv2.dilate(inner, cross) - cv2.erode(inner, cross)
    assert not ((owned != painted) & (rim == 0)).any()


def test_covering_takes_pixels_away() -> None:
    canvas = blank()
    grey = np.full((40, 40, 3), 90, np.uint8)
    canvas.lay(grey, square(100, 100, 40), [(SYMBOL, (0, 0, 40, 40))])
    first = canvas.shown(1)
    assert first == pytest.approx(1600, rel=0.06)
    canvas.lay(grey, square(120, 90, 60))
    assert canvas.shown(1) == pytest.approx(first / 2, rel=0.06)
    assert canvas.marks[0].pixels == first, "what it had stays known"


@pytest.mark.parametrize(
    ("outline", "least", "fits"),
    [
        pytest.param(square(10, 10, 30), 0.99, True, id="beside it"),
        pytest.param(square(120, 90, 60), 0.4, True, id="half of it goes, which may"),
        pytest.param(square(120, 90, 60), 0.6, False, id="half of it goes, which is too much"),
        pytest.param(square(90, 90, 60), 0.01, False, id="all of it"),
        pytest.param(square(-90, 90, 60), 0.0, False, id="outside the image"),
    ],
)
def test_what_may_be_covered(outline: np.ndarray, least: float, fits: bool) -> None:
    canvas = blank()
    canvas.lay(np.zeros((40, 40, 3), np.uint8), square(100, 100, 40), [(SYMBOL, (0, 0, 40, 40))])
    before = canvas.owner.copy()
    assert canvas.fits(outline, least) is fits
    assert (canvas.owner == before).all()


def test_blend() -> None:
    region = np.full((2, 3, 3), 100, np.uint8)
    colour = np.full((2, 3, 3), 200, np.uint8)
    blend(region, colour, np.array([[0, 51, 255], [255, 128, 0]], np.uint8))
    assert region[..., 0].tolist() == [[100, 120, 200], [200, 150, 100]]


def test_shadow_falls_aside_and_is_soft() -> None:
    image = np.full((120, 160, 3), 200, np.uint8)
    darken(image, square(60, 40, 30), (10, 10), softness=3, depth=0.5)
    assert image[65, 85, 0] == pytest.approx(100, abs=6)
    assert (image[:20] == 200).all()
    assert len(set(image[65, 60:, 0].tolist())) > 6, "no hard edge"
