"""The hash of a data set: what changes a training changes it, what does not leaves it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from compress.data.content import content_hash
from compress.data.data_yaml import load_data_yaml

SPLITS = ("train", "val")


def of(file: Path) -> str:
    return content_hash(load_data_yaml(file), SPLITS)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param(lambda root: (root / "labels/train/train0.txt").write_text("0 .5 .5 .1 .1"), False, id="a label"),
        pytest.param(lambda root: (root / "labels/val/val0.txt").unlink(), False, id="a label less"),
        pytest.param(lambda root: (root / "images/train/train1.jpg").unlink(), False, id="an image less"),
        pytest.param(lambda root: (root / "images/train/train1.jpg").write_bytes(b"x"), False, id="another image"),
        pytest.param(
            lambda root: (root / "images/val/val1.jpg").rename(root / "images/val/zzz.jpg"), False, id="another name"
        ),
        pytest.param(lambda root: (root / "labels/test/test0.txt").write_text(""), True, id="a split that is not used"),
        pytest.param(lambda root: (root / "labels/train.cache").write_bytes(b"cache"), True, id="something else"),
    ],
)
def test_changes(tiny_data: Callable[..., Path], change: Callable[[Path], object], same: bool) -> None:
    file = tiny_data()
    before = of(file)
    change(file.parent)
    assert (of(file) == before) is same


def test_where_it_lies_does_not_matter(tiny_data: Callable[..., Path], tmp_path: Path) -> None:
    file = tiny_data()
    shutil.copytree(file.parent, tmp_path / "moved")
    assert of(tmp_path / "moved" / "data.yaml") == of(file)


def test_names_matter(tiny_data: Callable[..., Path]) -> None:
    file = tiny_data()
    before = of(file)
    file.write_text(file.read_text().replace("2: c", "2: d"))
    assert of(file) != before
