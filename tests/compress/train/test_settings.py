"""Settings of a training run: what is out of range is refused by the name of its option."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from compress.train.settings import TrainSettings
from deploy.errors import UsageError


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("epochs", 0, "--epochs is 0, expected 1 to 100000"),
        ("epochs", -3, "--epochs is -3, expected"),
        ("batch_size", 0, "--batch-size is 0, expected 1 to 4096"),
        ("batch_size", 5000, "--batch-size is 5000, expected"),
        ("imgsz", 0, "--imgsz is 0, expected a multiple of 32 from 32 to 4096"),
        ("imgsz", 100, "--imgsz is 100, expected a multiple of 32"),
        ("imgsz", -64, "--imgsz is -64, expected"),
        ("imgsz", 4128, "--imgsz is 4128, expected"),  # beyond what VPC writes
        ("lr0", 0.0, "--lr0 is 0.0, expected"),
        ("lr0", -0.01, "--lr0 is -0.01, expected"),
        ("lr0", math.nan, "--lr0 is nan, expected"),
        ("lr0", math.inf, "--lr0 is inf, expected"),
        ("lrf", 1.5, "--lrf is 1.5, expected 0 to 1"),
        ("sr", -0.1, "--sr is -0.1, expected 0 to 100"),
        ("sr", math.nan, "--sr is nan, expected"),
        ("workers", -1, "--workers is -1, expected 0 to 256"),
        ("seed", -1, "--seed is -1, expected"),
        ("optimizer", "lion", "--optimizer is 'lion', expected one of sgd, adam, adamw"),
        ("accumulate", 0, "--accumulate is 0, expected 1 to 1024"),
        ("target_share", 0.99, "--target-share is 0.99, expected 0 to 0.95"),
        ("close_mosaic", -1, "--close-mosaic is -1, expected"),
        ("amp", "fp61", "--amp is 'fp61' (did you mean 'fp16'?), expected one of auto, off, bf16, fp16"),
        ("letterbox", "gray", "--letterbox is 'gray' (did you mean 'grey'?), expected one of mixed, board, grey"),
        ("select", "ap", "--select is 'ap' (did you mean 'map'?), expected one of map, f1"),
        ("sparsity", "l1", "--sparsity is 'l1', expected one of subgradient, proximal"),
    ],
)
def test_out_of_range(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        TrainSettings("data.yaml", **{name: value})
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 1), ("batch_size", 1), ("imgsz", 32), ("imgsz", 4096), ("workers", 0), ("sr", 0.0), ("lrf", 1)],
)
def test_limits_are_within(name: str, value: Any) -> None:
    assert getattr(TrainSettings("data.yaml", **{name: value}), name) == value


@pytest.mark.parametrize(
    ("epochs", "close", "mosaic_ends", "teacher_leaves"),
    [
        pytest.param(60, 10, 50, 50, id="a long run: the teacher leaves with the mosaics"),
        pytest.param(12, 10, 2, 8, id="a short one: it stays for two thirds"),
        pytest.param(10, 10, 10, 10, id="mosaics to the end, and so the teacher"),
        pytest.param(1, 0, 1, 1, id="a single epoch"),
    ],
)
def test_ends_within_a_run(epochs: int, close: int, mosaic_ends: int, teacher_leaves: int) -> None:
    settings = TrainSettings(data="data.yaml", epochs=epochs, close_mosaic=close)
    assert (settings.mosaic_ends, settings.teacher_leaves) == (mosaic_ends, teacher_leaves)


@pytest.mark.parametrize(
    ("epochs", "epoch", "images"),
    [
        pytest.param(12, 7, 64, id="the weights still move"),
        pytest.param(12, 8, 128, id="the last third, from which the kept epoch comes"),
        pytest.param(1, 0, 128, id="a single epoch is its last"),
    ],
)
def test_images_for_batch_norm(epochs: int, epoch: int, images: int) -> None:
    assert TrainSettings("data.yaml", epochs=epochs).recalibration_images(epoch) == images


@pytest.mark.parametrize(
    ("images", "averaged"),
    [pytest.param(205, 410, id="a small set twice"), pytest.param(118_000, 1024, id="a large one in part")],
)
def test_images_for_the_batch_norm_that_is_kept(images: int, averaged: int) -> None:
    assert TrainSettings.final_images(images) == averaged


def test_plain_form() -> None:
    """What a checkpoint's history holds: JSON can carry it, and what changes no result is left out."""
    plain = TrainSettings("/some/where/data.yaml", workers=3, augmentation={"mosaic": 0.5}, gains={"box": 0.1})
    found = json.loads(json.dumps(plain.as_plain()))
    assert found["data"] == "data.yaml", "a path of this machine tells nobody else anything"
    assert "workers" not in found
    assert found["augmentation"] == {"mosaic": 0.5}
    assert found["gains"] == {"box": 0.1}
    assert (found["epochs"], found["optimizer"], found["sparsity"], found["sr"]) == (100, "sgd", "subgradient", 0.0)
