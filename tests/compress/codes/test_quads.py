"""Quadrilaterals and the boxes around what is visible of them."""

import numpy as np
import pytest

from compress.codes.quads import cut_off, edges, frame, inside, thickness, tight_box


@pytest.mark.parametrize(
    ("corners", "box"),
    [
        pytest.param([[10, 20], [50, 20], [50, 40], [10, 40]], (10, 20, 50, 40), id="upright"),
        pytest.param([[30, 10], [50, 30], [30, 50], [10, 30]], (10, 10, 50, 50), id="on its tip"),
        pytest.param([[10.4, 20.6], [50.4, 20.6], [50.4, 40.4], [10.4, 40.4]], (10, 21, 50, 40), id="rounded"),
        pytest.param([[-20, -20], [20, -20], [20, 20], [-20, 20]], (0, 0, 20, 20), id="over the corner"),
        pytest.param([[-100, -100], [300, -100], [300, 300], [-100, 300]], (0, 0, 100, 80), id="larger than the image"),
        # What lies outside reaches further down than what is visible.
        pytest.param([[90, 10], [110, 30], [90, 50], [70, 30]], (70, 10, 100, 50), id="tip over the edge"),
        pytest.param([[100, 0], [140, 40], [100, 80], [60, 40]], (60, 0, 100, 80), id="cut along its diagonal"),
        pytest.param([[90, 0], [130, 40], [120, 50], [80, 10]], (80, 0, 100, 30), id="visible end of a slanting strip"),
    ],
)
def test_tight_box(corners: list[list[float]], box: tuple[int, int, int, int]) -> None:
    assert tight_box(np.array(corners, np.float64), 100, 80) == box


@pytest.mark.parametrize(
    ("corners", "sides", "thick"),
    [
        pytest.param([[0, 0], [40, 0], [40, 10], [0, 10]], [40, 10, 40, 10], 10, id="rectangle"),
        pytest.param([[0, 0], [0, 40], [-10, 40], [-10, 0]], [40, 10, 40, 10], 10, id="turned by a quarter"),
        pytest.param([[0, 0], [30, 40], [60, 40], [30, 0]], [50, 30, 50, 30], 24, id="leaning: thinner than its sides"),
        pytest.param([[0, 0], [40, 0], [30, 20], [10, 20]], [40, 22.36, 20, 22.36], 20, id="seen from below"),
    ],
)
def test_measures(corners: list[list[float]], sides: list[float], thick: float) -> None:
    quad = np.array(corners, np.float64)
    assert edges(quad) == pytest.approx(sides, abs=0.01)
    assert thickness(quad) == pytest.approx(thick, abs=0.01)


@pytest.mark.parametrize(
    ("shift", "share", "cut"),
    [
        pytest.param((0, 0), 1.0, False, id="inside"),
        pytest.param((-10, 0), 0.75, True, id="a quarter outside"),
        pytest.param((-0.5, 0), 0.9875, False, id="less than a pixel outside"),
        pytest.param((-10, -10), 0.5625, True, id="over a corner"),
    ],
)
def test_cut_by_the_frame(shift: tuple[float, float], share: float, cut: bool) -> None:
    quad = np.array([[0, 0], [40, 0], [40, 40], [0, 40]]) + shift
    assert inside(frame(100, 80), quad) == pytest.approx(share, abs=1e-4)
    assert cut_off(quad, 100, 80) is cut
