"""The integer matrices are the standards' coefficients times 256."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.aipp import matrices
from deploy.aipp.matrices import Matrix

BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)


def of_standard(red: float, blue: float, video: bool) -> np.ndarray:
    """ITU-R BT.601 and BT.709: R = Y + 2 (1 - Kr) V and so on, with U and V of -0.5 to 0.5."""
    green = 1 - red - blue
    u, v = 2 * (1 - blue), 2 * (1 - red)
    rows = np.array([[1, 0, v], [1, -u * blue / green, -v * red / green], [1, u, 0]])
    return rows * ([255 / 219, 255 / 224, 255 / 224] if video else [1, 1, 1]) * 256


@pytest.mark.parametrize(
    ("matrix", "weights", "video"),
    [
        pytest.param(matrices.BT601_FULL, BT601, False, id="JPEG images"),
        pytest.param(matrices.BT601_VIDEO, BT601, True, id="video"),
        pytest.param(matrices.BT709_FULL, BT709, False, id="full-range HD video"),
        pytest.param(matrices.BT709_VIDEO, BT709, True, id="HD video"),
    ],
)
def test_matrix_is_that_of_the_standard(matrix: Matrix, weights: tuple[float, float], video: bool) -> None:
    assert np.abs(np.array(matrix) - of_standard(*weights, video)).max() <= 1  # CANN cuts some off and rounds others


def test_bgr_is_rgb_with_its_rows_reversed() -> None:
    assert matrices.ATC_DEFAULT == ((298, 516, 0), (298, -100, -208), (298, 0, 409))
