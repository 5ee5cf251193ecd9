"""Images to inputs and boxes back, under both letterboxes."""

from __future__ import annotations

import numpy as np
import pytest

from compress.val.letterbox import letterboxed
from deploy.host.dvpp.vpc import ZERO_RGB
from deploy.postprocess.mapping import Geometry
from deploy.sdk_codes import SdkFault


class Echo:
    """A model that finds one box, given in fractions of its input, mapped back by the board's rule."""

    def __init__(self, *corners: float) -> None:
        self.corners = corners

    def boxes(self, heads: list[np.ndarray], score: float, iou: float, geometry: Geometry) -> np.ndarray:
        from deploy.postprocess.mapping import to_source

        boxes, _ = to_source(np.array([self.corners], np.float32), geometry)
        return np.concatenate([boxes, [[0.9, 2]]], axis=1).astype(np.float32)


def gradient(height: int, width: int) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(150, 250, width)[None]
    image[..., 2] = np.linspace(150, 250, height)[:, None]
    return image


@pytest.mark.parametrize(
    ("shape", "letterbox", "corner", "inner", "colour"),
    [
        pytest.param((80, 160), "board", (0, 0), (64, 32), ZERO_RGB, id="the board: top left on green"),
        pytest.param((80, 160), "mixed", (0, 0), (64, 32), ZERO_RGB, id="mixed validates as the board"),
        pytest.param((80, 160), "grey", (0, 16), (64, 32), (114, 114, 114), id="grey: in the middle"),
        pytest.param((160, 80), "grey", (16, 0), (32, 64), (114, 114, 114), id="grey, upright"),
        pytest.param((40, 32), "grey", (6, 0), (51, 64), (114, 114, 114), id="grey, enlarged, an odd margin"),
    ],
)
def test_the_input(
    shape: tuple[int, int], letterbox: str, corner: tuple[int, int], inner: tuple[int, int], colour: tuple[int, ...]
) -> None:
    canvas, frame = letterboxed(gradient(*shape), 64, letterbox)
    assert canvas.shape == (64, 64, 3) and (frame.left, frame.top) == corner
    pad = (canvas == colour).all(-1)
    left, top = corner
    assert not pad[top : top + inner[1], left : left + inner[0]].any()
    assert pad.sum() == 64 * 64 - inner[0] * inner[1]


@pytest.mark.parametrize("letterbox", ["board", "grey"])
@pytest.mark.parametrize("shape", [(80, 160), (160, 80), (64, 64), (48, 36)])
def test_boxes_come_back(letterbox: str, shape: tuple[int, int]) -> None:
    """The whole content of the input is the whole image."""
    height, width = shape
    _, frame = letterboxed(gradient(*shape), 64, letterbox)
    inner = np.array([width, height]) * frame.ratio
    low = np.array([frame.left, frame.top]) / 64
    ((x0, y0, x1, y1, confidence, kind),) = frame.boxes(Echo(*low, *(low + inner / 64)), [], 0.1, 0.5)  # type: ignore[arg-type]
    np.testing.assert_allclose([x0, y0, x1, y1], [0, 0, width, height], atol=0.02)
    assert (round(float(confidence), 3), kind) == (0.9, 2)


def test_boxes_on_the_grey_are_clipped() -> None:
    _, frame = letterboxed(gradient(80, 160), 64, "grey")
    found = frame.boxes(Echo(0, 0, 1, 1), [], 0.1, 0.5)  # type: ignore[arg-type]
    assert found[0, :4].tolist() == [0, 0, 160, 80]


def test_only_the_chip_refuses_a_flat_image() -> None:
    flat = gradient(4, 400)
    assert letterboxed(flat, 64, "grey")[0].shape == (64, 64, 3)
    with pytest.raises(SdkFault):
        letterboxed(flat, 64, "board")
