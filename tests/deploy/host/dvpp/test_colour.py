"""NV12 and BGR, both ways."""

import numpy as np
import pytest

from deploy.host.dvpp.colour import bgr_of_nv12, nv12_of_bgr, video_nv12_of_bgr
from tests.deploy.host.conftest import scene


@pytest.mark.parametrize(
    ("yuv", "bgr"),
    [
        pytest.param((255, 128, 128), (255, 255, 255), id="white"),
        pytest.param((76, 85, 255), (0, 0, 254), id="red"),
        pytest.param((29, 255, 107), (254, 0, 0), id="blue"),
        pytest.param((0, 0, 0), (0, 135, 0), id="an empty canvas is green"),
    ],
)
def test_full_range(yuv, bgr):
    planes = np.full((6, 4), yuv[0], np.uint8)
    planes[4:, 0::2], planes[4:, 1::2] = yuv[1:]
    np.testing.assert_allclose(bgr_of_nv12(planes).astype(int), np.broadcast_to(bgr, (4, 4, 3)), atol=1)


def test_there_and_back():
    pixels = scene()
    back = bgr_of_nv12(nv12_of_bgr(pixels))
    assert np.abs(back.astype(int) - pixels).max() <= 6  # what is lost is chroma of neighbours


def test_odd_sides_are_filled_up():
    assert nv12_of_bgr(scene(97, 65)).shape == (99, 98)


def test_video_range():
    planes = video_nv12_of_bgr(np.full((4, 4, 3), 255, np.uint8))
    assert planes.shape == (6, 4)
    assert set(planes[:4].flat) == {235} and set(planes[4:].flat) == {128}
    blue = video_nv12_of_bgr(np.full((4, 4, 3), (255, 0, 0), np.uint8))
    assert (blue[4, 0], blue[4, 1]) == (240, 110)  # U comes first
