"""Boxes and labels on images of all sizes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.results.detections import Detection
from deploy.results.draw import COLOURS, write_image


def drawn(folder: Path, height: int, width: int, *objects: Detection) -> np.ndarray:
    """What is on a black image afterwards: uint8 [height, width, 3], BGR."""
    black = cv2.imencode(".jpg", np.zeros((height, width, 3), np.uint8))[1].tobytes()
    write_image(folder, "x", black, objects)
    image: np.ndarray = cv2.imread(str(folder / "x.jpg"))
    assert image.shape == (height, width, 3)
    return image


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    """JPEG blurs thin lines, so that a colour is told by its direction only."""
    a, b = pixel.astype(float), np.array(colour, float)
    return bool(a @ b > 0.9 * np.linalg.norm(a) * np.linalg.norm(b) > 0)


def test_box_label_and_colour(tmp_path: Path) -> None:
    image = drawn(tmp_path, 400, 400, Detection("dog", 21, 0.5, 100, 200, 300, 350))
    colour = COLOURS[1]  # class 21 of 20 colours
    for x, y in ((100, 300), (300, 300), (250, 350), (250, 200)):
        assert near(image[y, x], colour)
    assert image[275, 200].max() < 40  # the box is not filled
    above = image[185:198, 101:140].reshape(-1, 3)
    assert near(np.median(above, axis=0), colour)  # the background of the label
    assert image[:170].max() < 40 and image[:, :90].max() < 40


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((10, 0, 60, 60), id="no room above"),
        pytest.param((95, 50, 99, 60), id="no room on the right"),
        pytest.param((-50, -50, 500, 500), id="larger than the image"),
        pytest.param((50, 50, 50, 50), id="a point"),
        pytest.param((60, 60, 40, 40), id="reversed"),
    ],
)
def test_the_label_stays_in_the_image(tmp_path: Path, box: tuple[float, float, float, float]) -> None:
    image = drawn(tmp_path, 100, 100, Detection("dog", 0, 0.5, *box))
    label = [pixel.max() > 150 and near(pixel, COLOURS[0]) for pixel in image.reshape(-1, 3)]
    assert sum(label) > 400  # a whole filled background, not only the lines of a box


@pytest.mark.parametrize(
    ("height", "width"), [pytest.param(32, 32, id="smallest that decodes"), pytest.param(2160, 3840, id="4K")]
)
def test_sizes(tmp_path: Path, height: int, width: int) -> None:
    box = (0.25 * width, 0.5 * height, 0.75 * width, 0.75 * height)
    image = drawn(tmp_path, height, width, Detection("dog", 0, 0.5, *box))
    line = image[round(0.6 * height), :].max(axis=1) > 100
    assert 2 <= line.sum() <= 0.01 * width + 8  # the two sides: visible, and not fat


def test_a_name_beyond_the_letters_of_the_font(tmp_path: Path) -> None:
    chinese = drawn(tmp_path, 100, 100, Detection("猫", 3, 0.5, 10, 50, 60, 90))
    assert np.array_equal(chinese, drawn(tmp_path, 100, 100, Detection("class 3", 3, 0.5, 10, 50, 60, 90)))


def test_the_strongest_lies_on_top(tmp_path: Path) -> None:
    boxes = [Detection("a", 0, 0.9, 20, 50, 80, 90), Detection("b", 1, 0.2, 20, 50, 80, 90)]
    assert near(drawn(tmp_path, 100, 100, *boxes)[70, 20], COLOURS[0])
    assert near(drawn(tmp_path, 100, 100, *reversed(boxes))[70, 20], COLOURS[0])
