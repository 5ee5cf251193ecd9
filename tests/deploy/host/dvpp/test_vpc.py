"""Pixels on their canvas."""

import cv2
import numpy as np
import pytest

from deploy.host.dvpp.geometry import Resizing
from deploy.host.dvpp.vpc import background, exact_placement, filled_up, paste_bgr, paste_nv12
from deploy.host.metadata.values import NV12, Image
from deploy.host.numerics import ONCE, TWICE
from deploy.postprocess.resize_types import FIT, ONLY_PADDING, STRETCH


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def nv12(width, height):
    return noise(height * 3 // 2, width)


def planes_of(pixels):
    rows = len(pixels) * 2 // 3
    return pixels[:rows], pixels[rows:].reshape(rows // 2, -1, 2)


def test_nv12_planes_are_scaled_on_their_own_onto_zeros():
    source = nv12(200, 150)
    y, uv = planes_of(paste_nv12(source, Resizing(FIT, 128, 128).place(200, 150), TWICE, 0, (0, 0, 0)))
    luma, chroma = planes_of(source)
    np.testing.assert_array_equal(y[:96], cv2.resize(luma, (128, 96)))
    np.testing.assert_array_equal(uv[:48], cv2.resize(chroma, (64, 48)))
    assert (y[96:] == 0).all() and (uv[48:] == 0).all()


def test_twice_goes_through_the_intermediate():
    place = Resizing(FIT, 512, 512).place(500, 333)
    source = nv12(500, 334)
    luma = planes_of(source)[0]
    once, twice = (planes_of(paste_nv12(source, place, steps, 0, (0, 0, 0)))[0][:340] for steps in (ONCE, TWICE))
    np.testing.assert_array_equal(once, cv2.resize(luma, (512, 340)))
    np.testing.assert_array_equal(twice, cv2.resize(cv2.resize(luma, (512, 342)), (512, 340)))
    assert (once != twice).any()


def test_a_centred_image_has_its_canvas_on_all_sides():
    place = Resizing(ONLY_PADDING, 320, 320, around=True).place(100, 60)
    source = noise(60, 100, 3)
    pixels = paste_bgr(source, place, TWICE, 0, (1, 2, 3))
    assert (place.left, place.top) == (96, 130)
    np.testing.assert_array_equal(pixels[130:190, 96:196], source)
    pixels[130:190, 96:196] = (3, 2, 1)
    assert (pixels == (3, 2, 1)).all()


def test_only_padding_takes_one_more_column_and_row_of_an_odd_image():
    source = noise(47, 33, 3)
    pixels = paste_bgr(source, Resizing(ONLY_PADDING, 64, 64).place(33, 47), ONCE, 0, (0, 0, 0))
    np.testing.assert_array_equal(pixels[:47, :33], source)
    np.testing.assert_array_equal(pixels[:47, 33], source[:, 32])
    assert (pixels[:, 34:] == 0).all() and (pixels[48:] == 0).all()


@pytest.mark.parametrize(
    ("interpolation", "middle"),
    [
        pytest.param(0, True, id="0: the chip's own filter, taken for bilinear"),
        pytest.param(1, True, id="1: bilinear as OpenCV"),
        pytest.param(2, False, id="2: nearest"),
        pytest.param(3, False, id="3: bilinear as TensorFlow, whose grid begins in the corner"),
        pytest.param(4, False, id="4: nearest as TensorFlow"),
    ],
)
def test_interpolation(interpolation, middle):
    ramp = np.tile(np.arange(0, 240, 2, dtype=np.uint8)[None, :, None], (32, 1, 3))
    place = Resizing(STRETCH, 40, 8).place(120, 32)
    row = paste_bgr(ramp, place, ONCE, interpolation, (0, 0, 0))[4, :, 0]
    expected = 6 * np.arange(40) + 2 * middle  # the middle of each three columns, or their first
    np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize(
    ("rgb", "yuv"),
    [
        pytest.param(None, (0, 0, 0), id="zeros by default"),
        pytest.param((114, 114, 114), (114, 128, 128), id="YOLO's grey"),
        pytest.param((255, 0, 0), (76, 84, 255), id="red, cut to whole numbers"),
        pytest.param((0, 0, 255), (29, 255, 107), id="blue"),
    ],
)
def test_background(rgb, yuv):
    assert background(rgb) == (yuv, rgb or (0, 135, 0))


def test_exact_placement_is_rounded_and_not_forced_even():
    place = exact_placement(353, 500, 512, 512)
    assert (place.width, place.height) == (361, 512)


def test_filled_up_to_the_decoders_buffer():
    source = nv12(100, 60)
    image = filled_up(Image(source, 99, 60, 99, 60, format=NV12), 128, 64)
    (y, uv), (luma, chroma) = planes_of(image.pixels), planes_of(source)
    assert (image.width, image.height, y.shape, uv.shape) == (128, 64, (64, 128), (32, 64, 2))
    np.testing.assert_array_equal(y[:60, :100], luma)
    np.testing.assert_array_equal(uv[:30, :50], chroma)
    assert (y[:60, 100:] == luma[:, -1:]).all() and (uv[31, :50] == chroma[29]).all()
