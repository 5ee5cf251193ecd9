"""Boxes from the network's input back to the image."""

import numpy as np
import pytest

from deploy.postprocess.mapping import Geometry, to_source
from deploy.postprocess.resize_types import FIT, RESIZE_TYPES, STRETCH

WHOLE = np.array([[0, 0, 1, 1]], np.float32)


def test_stretch_scales_each_axis():
    boxes, _ = to_source(WHOLE / 2, Geometry(320, 320, 500, 375, STRETCH, 0.0))
    assert boxes.tolist() == [[0, 0, 250, 187.5]]


def test_fit_divides_by_one_ratio_and_clips_the_far_edges():
    boxes, _ = to_source(WHOLE, Geometry(512, 512, 500, 375, FIT, 512 / 500))
    # the factor is formed first, in float32: the clipped edge of a box ends a hair before 500
    assert boxes[0, 2] == np.float32(512) / np.float32(1.024)
    assert boxes[0, 3] == 375


@pytest.mark.parametrize("axis", [0, 1], ids=["padding on the right", "padding at the bottom"])
def test_fit_erases_what_begins_in_the_padding(axis):
    corners = np.full((3, 4), [0.1, 0.1, 0.2, 0.2], np.float32)
    corners[:, axis + 2] = 0.9
    corners[:, axis] = [0.76, 0.1, 0.75]  # in the padding, inside, exactly at the image's edge
    size = (480, 640) if axis == 0 else (640, 480)
    boxes, kept = to_source(corners, Geometry(320, 320, *size, FIT, 0.5))
    assert kept.tolist() == [1, 2]
    assert boxes[:, axis + 2].tolist() == [480, 480]


@pytest.mark.parametrize(
    ("name", "far_edge"),
    [
        pytest.param("Resizer_MS_Yolov4", 640, id="like a stretched image"),
        pytest.param("Resizer_Rescale", 640, id="by one ratio"),
        pytest.param("Resizer_OnlyPadding", 1, id="no rule: the SDK leaves 0..1"),
        pytest.param("Resizer_KeepAspectRatio_Short", 1, id="no rule here either"),
    ],
)
def test_other_types(name, far_edge):
    boxes, _ = to_source(WHOLE, Geometry(320, 320, 640, 640, RESIZE_TYPES.index(name), 0.5))
    assert boxes.tolist() == [[0, 0, far_edge, far_edge]]


def test_ratio_zero_maps_nothing():
    boxes, _ = to_source(WHOLE, Geometry(320, 320, 640, 640, FIT, 0.0))
    assert boxes.tolist() == WHOLE.tolist()
