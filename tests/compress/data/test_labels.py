"""YOLO label files."""

from pathlib import Path

import numpy as np
import pytest

from compress.data.labels import label_path, read_labels
from deploy.errors import DataError


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("set/images/train/a.jpg", "set/labels/train/a.txt"),
        ("images/a.b.png", "labels/a.b.txt"),
        ("/data/images/old/images/a.jpg", "/data/images/old/labels/a.txt"),  # the last folder of that name
        ("my_images/a.jpg", "my_images/a.txt"),  # only a whole folder name counts
        ("set/photos/images", "set/photos/images.txt"),  # a file is no folder
    ],
)
def test_label_path(image: str, label: str) -> None:
    assert label_path(Path(image)) == Path(label)


def labelled(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_bytes(content)
    return tmp_path / "images" / "a.jpg"


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param(b"", [], id="empty file: background"),
        pytest.param(b"\n \n", [], id="blank lines only"),
        pytest.param(b"1 0.5 0.25 0.5 0.125\n", [[1, 0.5, 0.25, 0.5, 0.125]], id="one object"),
        pytest.param(b"1.0 .5 .5 1 1", [[1, 0.5, 0.5, 1, 1]], id="class as a float, no line end"),
        pytest.param(b"\xef\xbb\xbf0\t0.5 0.5 0.5 0.5\r\n", [[0, 0.5, 0.5, 0.5, 0.5]], id="Windows file with a mark"),
        pytest.param(b"0 1.0009 -0.0009 0.5 0.5", [[0, 1, 0, 0.5, 0.5]], id="rounded over the edge: clipped"),
        pytest.param(
            b"2 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n2 0.5 0.5 0.50 0.5\n",
            [[2, 0.5, 0.5, 0.5, 0.5], [0, 0.5, 0.5, 0.5, 0.5]],
            id="twice the same: once, file order kept",
        ),
    ],
)
def test_read(tmp_path: Path, content: bytes, rows: list[list[float]]) -> None:
    labels = read_labels(labelled(tmp_path, content), 3)
    assert labels.dtype == np.float32
    assert labels.shape == (len(rows), 5)
    np.testing.assert_array_equal(labels, np.array(rows, np.float32).reshape(-1, 5))


def test_missing_file_is_background(tmp_path: Path) -> None:
    assert read_labels(tmp_path / "images" / "a.jpg", 3).shape == (0, 5)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("0 0.5 0.5 0.5", "4 fields; expected 5"),
        ("0 0.5 0.5 0.5 0.5 0.9", "6 fields; expected 5"),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2", "7 fields; expected 5"),  # a polygon
        ("0,0.5,0.5,0.5,0.5", "1 fields; expected 5"),
        ("cat 0.5 0.5 0.5 0.5", "'cat 0.5 0.5 0.5 0.5' holds something that is not a number"),
        ("0 0.5 0.5 nan 0.5", "not finite"),
        ("inf 0.5 0.5 0.5 0.5", "not finite"),
        ("3 0.5 0.5 0.5 0.5", "class 3; expected a whole number from 0 to 2"),
        ("-1 0.5 0.5 0.5 0.5", "class -1; expected"),
        ("0.5 0.5 0.5 0.5 0.5", "class 0.5; expected"),
        ("0 1.01 0.5 0.5 0.5", "cx is 1.01; expected a fraction"),
        ("0 0.5 -0.01 0.5 0.5", "cy is -0.01; expected"),
        ("0 0.5 0.5 320 0.5", "w is 320; expected"),
        ("0 0.5 0.5 0.5 2", "h is 2; expected"),
        ("0 0.5 0.5 0 0.5", "0 wide and 0.5 high has no area"),
        ("0 0.5 0.5 0.5 -0.0005", "has no area"),
    ],
)
def test_bad_line(tmp_path: Path, line: str, sentence: str) -> None:
    image = labelled(tmp_path, f"0 0.5 0.5 0.1 0.1\n\n{line}\n".encode())
    with pytest.raises(DataError, match=sentence) as caught:
        read_labels(image, 3)
    assert "a.txt: line 3: " in str(caught.value)


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.txt is not UTF-8"):
        read_labels(labelled(tmp_path, b"\xff\xfe0\x00"), 3)
    (tmp_path / "labels" / "b.txt").mkdir()
    with pytest.raises(DataError, match=r"b\.txt cannot be read"):
        read_labels(tmp_path / "images" / "b.jpg", 3)
