from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compute_mAP.detections import classes_in, read_all_detections, read_detections
from compute_mAP.errors import DataError


def _write(folder: Path, name: str, text: str) -> Path:
    file = folder / f"det_test_{name}.txt"
    file.write_bytes(text.encode())
    return file


def test_file(tmp_path: Path) -> None:
    text = "000001 0.5 1 2 3.25 4e1\r\n\n  my cat 2 0.250000 -1.5 0 3 4 \n"
    found = read_detections(_write(tmp_path, "cat", text))
    assert list(found.images) == ["000001", "my cat 2"]
    assert np.array_equal(found.confidence, [0.5, 0.25])
    assert np.array_equal(found.boxes, [[1, 2, 3.25, 40], [-1.5, 0, 3, 4]])


def test_empty_file(tmp_path: Path) -> None:
    found = read_detections(_write(tmp_path, "cat", ""))
    assert (len(found.images), found.confidence.shape, found.boxes.shape) == (0, (0,), (0, 4))


@pytest.mark.parametrize(
    "line",
    ["a 0.5 1 2 3", "0.5 1 2 3 4", "a 0.5 1 2 3 x", "a high 1 2 3 4", "a nan 1 2 3 4", "a 0.5 1 2 3 inf", "a"],
    ids=["a number short", "no name", "no number", "no confidence", "nan", "inf", "only a name"],
)
def test_malformed_line(tmp_path: Path, line: str) -> None:
    file = _write(tmp_path, "cat", f"a 0.5 1 2 3 4\n\n{line}\n")
    with pytest.raises(DataError, match=r"det_test_cat\.txt: line 3: found '.*'; expected an image name and five"):
        read_detections(file)


def test_folder(tmp_path: Path) -> None:
    _write(tmp_path, "cat", "a 0.5 1 2 3 4\n")
    _write(tmp_path, "potted plant", "a 0.5 1 2 3 4\n")
    _write(tmp_path, "Dog", "not even read\n")
    assert classes_in(tmp_path) == ["Dog", "cat", "potted plant"]
    found, notes = read_all_detections(tmp_path, ["potted plant", "cow", "dog", "cat"])
    assert sorted(found) == ["cat", "potted plant"]
    assert len(notes) == 2
    assert notes[0].endswith("for cow, dog: counted as no detections")
    assert notes[1].endswith("det_test_Dog.txt belongs to none of the classes (did you mean 'dog'?): not counted")


def test_folder_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"folder of detections .*gone does not exist"):
        read_all_detections(tmp_path / "gone", ["cat"])
    with pytest.raises(DataError, match=r"folder of detections .* is a file"):
        read_all_detections(_write(tmp_path, "cat", ""), ["cat"])
