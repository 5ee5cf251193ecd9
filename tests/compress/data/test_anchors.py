"""Anchors against boxes: recall by the factor of four, k-means that finds what is there, the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compress.data.anchors import best_possible_recall, box_sizes, fitness, new_anchors
from deploy.errors import DataError


@pytest.mark.parametrize(
    ("size", "recall"),
    [
        pytest.param((10, 10), 1, id="the very size"),
        pytest.param((39.9, 10), 1, id="just under four times as wide"),
        pytest.param((40, 10), 0, id="four times as wide is too much"),
        pytest.param((10, 2.6), 1, id="just over a quarter as high"),
        pytest.param((10, 2.5), 0, id="a quarter as high is too low"),
        pytest.param((30, 2.6), 1, id="each side counts by itself"),
    ],
)
def test_recall(size: tuple[float, float], recall: int) -> None:
    sizes, anchors = np.array([size], float), np.array([[10, 10], [1000, 1000]], float)
    assert best_possible_recall(sizes, anchors) == recall
    assert (fitness(sizes, anchors) > 0) == recall


def test_fitness_by_hand() -> None:
    sizes = np.array([[10, 20], [20, 10], [100, 100]], float)
    assert fitness(sizes, np.array([[10, 10]], float)) == pytest.approx((0.5 + 0.5 + 0) / 3)


def test_k_means_finds_the_sizes_that_are_there() -> None:
    random = np.random.default_rng(0)
    centres = np.array([[8, 12], [20, 15], [30, 60], [90, 40], [150, 200]], float)
    sizes = np.repeat(centres, 80, axis=0) * random.uniform(0.95, 1.05, (400, 2))
    found = new_anchors(sizes, 5)
    assert found == pytest.approx(centres[np.argsort(centres.prod(axis=1))], rel=0.05)
    assert np.array_equal(found, new_anchors(sizes, 5)), "the same boxes give the same anchors"
    assert fitness(sizes, found) > 0.9


def test_too_few_different_boxes() -> None:
    with pytest.raises(DataError, match="40 boxes of at least 2 px, too few different ones for 9 anchors"):
        new_anchors(np.repeat([[10.0, 10.0], [20.0, 20.0]], 20, axis=0), 9)


def test_sizes_are_those_of_the_letterboxed_image(tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    images = []
    for name, size, label in (("wide", (200, 100), "0 0.5 0.5 0.5 0.5\n"), ("tall", (100, 400), "0 0.5 0.5 1 0.25\n")):
        images.append(tmp_path / f"images/{name}.jpg")
        Image.new("RGB", size).save(images[-1])
        (tmp_path / f"labels/{name}.txt").write_text(label)
    assert box_sizes(images, 1, 320) == pytest.approx(np.array([[160, 80], [80, 80]]))
    (tmp_path / "labels/wide.txt").write_text("")
    with pytest.raises(DataError, match="1 images and not one labelled object"):
        box_sizes(images[:1], 1, 320)
