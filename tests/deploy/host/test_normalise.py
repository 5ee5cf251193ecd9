"""Pixels to the network's input."""

import numpy as np
import pytest

from deploy.host.aipp import UNIT_RGB, Normalisation
from deploy.host.normalise import Normaliser

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)  # BGR


def plain(pixels, rule):
    ordered = pixels if rule.bgr else pixels[:, :, ::-1]
    values = (ordered.astype(np.float64) - rule.offsets) * rule.scales
    return values.transpose(2, 0, 1)[None]


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(UNIT_RGB, id="RGB / 255"),
        pytest.param(Normalisation(True, (0, 0, 0), (0.5, 0.5, 0.5)), id="BGR"),
        pytest.param(Normalisation(False, (1, 2, 3.5), (0.1, 0.2, 0.3)), id="offsets and scales a channel"),
    ],
)
def test_values(rule):
    blob, _ = Normaliser(4, 6, rule)(PIXELS)
    assert blob.dtype == np.float32
    assert blob.flags.c_contiguous
    np.testing.assert_allclose(blob, plain(PIXELS, rule), rtol=1e-6, atol=1e-6)


def test_a_released_buffer_is_used_again_and_one_in_use_is_not():
    normalise = Normaliser(4, 6, UNIT_RGB)
    first = normalise(PIXELS)
    second = normalise(PIXELS)
    assert not np.shares_memory(first[0], second[0])
    normalise.release(first)
    third = normalise(255 - PIXELS)
    assert third[0] is first[0]
    np.testing.assert_allclose(third[0], plain(255 - PIXELS, UNIT_RGB), atol=1e-6)
