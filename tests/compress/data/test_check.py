"""The look at a data set: every kind of fault is seen, and a sound set is praised by silence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compress.data.check import Check, check
from compress.data.data_yaml import load_data_yaml
from deploy.errors import DataError

LYING = Image.Exif()
LYING[0x0112] = 6  # orientation: a quarter turn


class Set:
    """A data set of two classes: 12 train and 4 val images of noise, 100 x 80 px, two objects each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        random = np.random.default_rng(0)
        for split, count in (("train", 12), ("val", 4)):
            for folder in ("images", "labels"):
                (root / folder / split).mkdir(parents=True)
            for i in range(count):
                pixels = random.integers(0, 255, (80, 100, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / f"images/{split}/{split}{i}.jpg")
                self.label(split, i, "0 0.5 0.5 0.4 0.5\n1 0.3 0.3 0.2 0.3\n")
        (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat, dog]\n")

    def label(self, split: str, number: int, text: str) -> None:
        (self.root / f"labels/{split}/{split}{number}.txt").write_text(text)

    def image(self, split: str, number: int) -> Path:
        return self.root / f"images/{split}/{split}{number}.jpg"

    def check(self, imgsz: int = 320) -> Check:
        return check(load_data_yaml(self.root / "data.yaml"), imgsz)


@pytest.fixture
def data(tmp_path: Path) -> Set:
    return Set(tmp_path / "set")


def test_a_sound_set(data: Set) -> None:
    found = data.check()
    assert (found.errors, found.warnings, found.tiny) == ([], [], {})
    assert found.images == {"train": 12, "val": 4} and found.empty == {"train": 0, "val": 0}
    assert found.objects == {"train": {"cat": 12, "dog": 12}, "val": {"cat": 4, "dog": 4}}
    assert found.sides["median"] == pytest.approx((64 + 128) / 2)
    rows = [line.split() for line in found.to_text().splitlines()]
    assert rows[0] == ["class", "train", "val", "under", "8", "px"] and rows[1] == ["cat", "12", "4", "0"]


def rewrite(split: str, number: int, text: str) -> Callable[[Set], object]:
    return lambda data: data.label(split, number, text)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(lambda d: d.image("train", 3).write_bytes(b""), "train3.jpg cannot be read", id="empty image"),
        pytest.param(
            lambda d: d.image("val", 0).write_bytes(d.image("val", 0).read_bytes()[:900]),
            "val0.jpg cannot be read",
            id="truncated image",
        ),
        pytest.param(rewrite("train", 1, "0 0.5 0.5 0.4\n"), "train1.txt: line 1: 4 fields", id="a short line"),
        pytest.param(rewrite("train", 1, "2 0.5 0.5 0.4 0.5\n"), "line 1: class 2; expected", id="an unknown class"),
        pytest.param(rewrite("train", 1, "0 50 50 40 50\n"), "cx is 50; expected a fraction", id="pixels"),
        pytest.param(
            lambda d: shutil.copy(d.image("train", 2), d.image("val", 3)),
            "val3.jpg of val is a copy of",
            id="a leak from train to val",
        ),
        pytest.param(
            lambda d: [d.label("train", i, "0 0.5 0.5 0.4 0.5\n") for i in range(12)],
            "train has no object of class 'dog'",
            id="a class without objects",
        ),
    ],
)
def test_errors(data: Set, change: Callable[[Set], object], sentence: str) -> None:
    change(data)
    errors = data.check().errors
    assert len(errors) == 1 and sentence in errors[0], errors


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(
            lambda d: shutil.copy(d.image("train", 2), d.image("train", 3)), "in the same split train", id="a copy"
        ),
        pytest.param(
            lambda d: (d.root / "labels/train/train0.txt").unlink(), "1 images have no label file", id="no label file"
        ),
        pytest.param(
            lambda d: (d.root / "labels/val/other.txt").write_text(""),
            "1 label files belong to no image",
            id="a lonely one",
        ),
        pytest.param(
            lambda d: [d.label("train", i, "0 0.5 0.5 0.4 0.5\n") for i in range(11)],
            "'dog' is rare: 1 objects",
            id="rare",
        ),
        pytest.param(
            lambda d: [d.label("val", i, "0 0.5 0.5 0.4 0.5\n") for i in range(4)],
            "val has no object of class 'dog'",
            id="not in val",
        ),
        pytest.param(
            rewrite("train", 0, "0 0.99 0.5 0.25 0.25\n1 0.5 0.05 0.4 0.4\n"),
            "2 boxes reach beyond their image: train0.txt: class 0 0.99 0.5 0.25 0.25 ends at 1.115, right of the "
            "image, train0.txt: class 1 0.5 0.05 0.4 0.4 ends at -0.150, top of the image",
            id="beyond the edge",
        ),
        pytest.param(
            lambda d: Image.new("RGB", (100, 80)).save(d.root / "images/train/train0.png"),
            "train0.jpg and train0.png share one label file",
            id="two images with one label file",
        ),
        pytest.param(
            lambda d: Image.new("L", (80, 100)).save(d.image("train", 0), exif=LYING),
            "train: 1 images are turned by their EXIF orientation",
            id="an image that EXIF turns",
        ),
        pytest.param(rewrite("train", 0, "0 0.5 0.5 0.02 0.5\n1 0.5 0.5 0.4 0.4\n"), "1 of 32 boxes have a", id="tiny"),
    ],
)
def test_warnings(data: Set, change: Callable[[Set], object], sentence: str) -> None:
    change(data)
    found = data.check()
    assert found.errors == [] and len(found.warnings) == 1 and sentence in found.warnings[0], found.warnings


def test_tiny_depends_on_the_input(data: Set) -> None:
    data.label("train", 0, "0 0.5 0.5 0.05 0.5\n1 0.5 0.5 0.4 0.4\n")
    assert (data.check(128).tiny, data.check(320).tiny) == ({"cat": 1}, {})


def test_an_empty_split_is_refused(data: Set) -> None:
    shutil.rmtree(data.root / "images/val")
    (data.root / "images/val").mkdir()
    with pytest.raises(DataError, match="the val split is empty"):
        data.check()


def test_labels_beside_the_images(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    for i in range(2):
        Image.new("RGB", (50, 50), (200 * i, 0, 0)).save(tmp_path / f"all/{i}.jpg")
        (tmp_path / f"all/{i}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
        (tmp_path / f"{i}.list.txt").write_text(f"all/{i}.jpg\n")
    (tmp_path / "data.yaml").write_text("train: 0.list.txt\nval: 1.list.txt\nnames: [cat]\n")
    found = check(load_data_yaml(tmp_path / "data.yaml"), 320)
    assert found.errors == []
    assert not any("belong to no image" in sentence for sentence in found.warnings), "those of val are no strays"


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        pytest.param("case19", "ends at 1.115, right of the image", id="label beyond the edge"),
        pytest.param("case20", "train0.jpg and train0.png share one label file", id="two images, one label file"),
    ],
)
def test_sets_that_people_had(shared: Path, case: str, sentence: str) -> None:
    found = check(load_data_yaml(shared / "cases" / case / "ds/data.yaml"), 320)
    assert any(sentence in warning for warning in found.warnings)


def test_a_label_file_that_is_a_pipe_is_an_error(data: Set) -> None:
    (data.root / "labels/train/train0.txt").unlink()
    os.mkfifo(data.root / "labels/train/train0.txt")
    assert "not a regular file" in data.check().errors[0]
