"""Textures land where the homography says, to a fraction of a pixel."""

import numpy as np
import pytest

from compress.codes.easy.paste import mapped, mapping, paste, posed_quad


def white(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


def test_upright_paste_is_exact() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    texture = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    texture = texture.repeat(4, 0).repeat(4, 1)  # flat patches, so that interpolation changes little inside them
    paste(image, texture, np.array([[5, 3], [29, 3], [29, 19], [5, 19]], np.float32))
    assert not image[:3].any()
    assert not image[:, :5].any()
    assert not image[19:].any()
    assert not image[:, 29:].any()
    inside = image[3:19, 5:29].astype(int)
    expected = texture.reshape(16, 2, 24, 2, 3).mean((1, 3))
    assert np.abs(inside - expected).max() <= 1


def test_half_covered_pixels_are_half_as_bright() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    paste(image, white(8, 8), np.array([[2.5, 2], [7.5, 2], [7.5, 8], [2.5, 8]], np.float32))
    assert image[5, :, 0].tolist() == [0, 0, 128, 255, 255, 255, 255, 128, 0, 0]


@pytest.mark.parametrize("angle", [0, 30, 90, 145, 270])
def test_rotation_keeps_area_and_centre(angle: float) -> None:
    image = np.zeros((120, 140, 3), np.uint8)
    quad = posed_quad(np.random.default_rng(0), 50, 30, (70, 60), angle, skew=0)
    paste(image, white(100, 60), quad)
    weight = image[..., 0] / 255
    assert weight.sum() == pytest.approx(1500, rel=0.01)
    rows, columns = np.indices(weight.shape) + 0.5
    assert (weight * columns).sum() / weight.sum() == pytest.approx(70, abs=0.1)
    assert (weight * rows).sum() / weight.sum() == pytest.approx(60, abs=0.1)


def test_parts_outside_are_cut_off() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    paste(image, white(4, 4), np.array([[-5, -5], [5, -5], [5, 5], [-5, 5]], np.float32))
    assert image[:5, :5].min() == 255
    assert image[5:].max() == image[:, 5:].max() == 0
    paste(image, white(4, 4), np.array([[20, 20], [30, 20], [30, 30], [20, 30]], np.float32))
    assert image[5:].max() == 0


def test_opacity() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    paste(image, white(4, 4), np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32), opacity=0.6)
    assert set(image.ravel().tolist()) == {153}


def test_mapping_takes_corners_to_the_quad() -> None:
    quad = posed_quad(np.random.default_rng(3), 40, 20, (50, 50), 33, skew=0.1)
    corners = np.array([[0, 0], [8, 0], [8, 4], [0, 4]], np.float64)
    np.testing.assert_allclose(mapped(mapping((8, 4), quad), corners), quad, atol=1e-4)
