"""A model as a value: where it comes from, what it is called, and its hash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from compress.nets.yolov5 import Yolov5
from compress.stages.model import Model, name_of, open_model
from deploy.hashes import file_sha256


def test_a_saved_model_is_read_back(tmp_path: Path, least_model: Callable[..., Yolov5]) -> None:
    made = Model(least_model(), [{"stage": "train"}])
    file = made.save(tmp_path / "deep" / "m.safetensors")
    read = open_model(file)
    assert (read.names, read.imgsz, read.history, read.source) == (made.names, 64, made.history, file)
    assert read.sha256 == file_sha256(file)
    assert name_of(file) == str(file) and "yolov5" in name_of(read) and "stages: train" in repr(read)
    assert open_model(read) is read


def test_the_hash_of_a_model_in_memory_is_that_of_its_weights(least_model: Callable[..., Yolov5]) -> None:
    first, same, other = (Model(least_model(seed=seed), []) for seed in (0, 0, 1))
    assert first.sha256 == same.sha256 != other.sha256
