from __future__ import annotations

import numpy as np
import pytest

from compute_mAP import matching
from compute_mAP.matching import iou, judge, nearest_objects


@pytest.mark.parametrize(
    ("a", "b", "overlap"),
    [
        ([0, 0, 9, 9], [0, 0, 9, 9], 1.0),
        ([0, 0, 1, 1], [0, 0, 1, 2], 4 / 6),
        ([5, 5, 5, 5], [5, 5, 5, 5], 1.0),
        ([0, 0, 4, 4], [4, 4, 8, 8], 1 / 49),
        ([0, 0, 4, 4], [5, 0, 9, 4], 0.0),
        ([0, 0, 4, 4], [50, 50, 54, 54], 0.0),
        ([0.5, 0, 2.5, 0], [0.5, 0, 1.5, 0], 2 / 3),
        ([9, 9, 0, 0], [0, 0, 9, 9], 0.0),
        ([1, 1, 0, 0], [1, 1, 0, 0], 0.0),
        ([0, 0, 1e308, 1e308], [0, 0, 1e308, 1e308], 0.0),
    ],
    ids=[
        "same",
        "a pixel wider than the difference of its corners",
        "one pixel",
        "a corner pixel shared",
        "side by side",
        "far apart on both axes",
        "decimals",
        "reversed",
        "nothing over nothing",
        "boundless",
    ],
)
def test_iou(a: list[float], b: list[float], overlap: float) -> None:
    first, second = np.array([a], np.float64), np.array([b], np.float64)
    assert iou(first, second)[0] == overlap
    assert iou(second, first)[0] == overlap


@pytest.mark.parametrize("pairs_at_once", [1, 3, 1 << 17], ids=["one pair at a time", "parts", "all at once"])
def test_nearest_objects(monkeypatch: pytest.MonkeyPatch, pairs_at_once: int) -> None:
    monkeypatch.setattr(matching, "PAIRS_AT_ONCE", pairs_at_once)
    object_images = np.array([0, 0, 2, 2, 2])
    object_boxes = np.array([[0, 0, 9, 9], [20, 0, 29, 9], [0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 4, 9]], np.float64)
    found = [
        (2, [0, 0, 9, 9], 1.0, 2),  # two objects overlap equally: the first of them
        (0, [20, 0, 29, 4], 0.5, 1),  # the second object of image 0
        (1, [0, 0, 9, 9], 0.0, 0),  # an image without objects
        (2, [0, 0, 4, 9], 1.0, 4),  # the last object
        (0, [0, 0, 9, 9], 1.0, 0),
        (3, [0, 0, 9, 9], 0.0, 0),  # beyond the last image with objects
        (0, [50, 50, 59, 59], 0.0, 0),  # overlaps nothing
    ]
    images, boxes = np.array([row[0] for row in found]), np.array([row[1] for row in found], np.float64)
    overlap, row = nearest_objects(images, boxes, object_images, object_boxes)
    assert overlap.tolist() == [row[2] for row in found]
    assert row.tolist() == [row[3] for row in found]


def test_nearest_objects_of_nothing() -> None:
    none = np.zeros(0, np.int64)
    overlap, row = nearest_objects(none, np.zeros((0, 4)), none, np.zeros((0, 4)))
    assert overlap.shape == row.shape == (0,)


@pytest.mark.parametrize(
    ("overlap", "row", "right", "wrong"),
    [
        ([0.9, 0.8], [0, 1], [1, 1], [0, 0]),
        ([0.5, 0.51], [0, 1], [0, 1], [1, 0]),
        ([0.6, 0.9, 0.7], [0, 0, 0], [1, 0, 0], [0, 1, 1]),
        ([0.4, 0.9], [0, 0], [0, 1], [1, 0]),
        ([0.9, 0.9, 0.4], [2, 2, 2], [0, 0, 0], [0, 0, 1]),
    ],
    ids=[
        "each its own",
        "the threshold itself is too little",
        "the first, not the best, claims",
        "a miss claims nothing",
        "difficult, until it is missed",
    ],
)
def test_judge(overlap: list[float], row: list[int], right: list[int], wrong: list[int]) -> None:
    found = judge(np.array(overlap), np.array(row), np.array([False, False, True]), 0.5)
    assert [flags.astype(int).tolist() for flags in found] == [right, wrong]
