"""Names of result files."""

from __future__ import annotations

from pathlib import Path

import pytest

from compute_mAP.errors import DataError
from compute_mAP.result_files import class_file, class_of


def test_a_file_for_a_class() -> None:
    assert class_file(Path("txt_result"), "traffic light") == Path("txt_result/det_test_traffic light.txt")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param("Bowl/Basin", "det_test_Bowl%2FBasin.txt", id="Objects365 has 16 names with a slash"),
        pytest.param("../cat", "det_test_..%2Fcat.txt", id="stays in its folder"),
        pytest.param("a\\b", "det_test_a%5Cb.txt", id="backslash"),
        pytest.param("a\0b\nc", "det_test_a%00b%0Ac.txt", id="control characters"),
        pytest.param("a\u2028b", "det_test_a%E2%80%A8b.txt", id="a line end of Unicode"),
        pytest.param("100%", "det_test_100%.txt", id="a percent sign stays"),
        pytest.param("a%2Fb", "det_test_a%252Fb.txt", id="one that looks escaped is not a/b"),
        pytest.param("50%/50%AB", "det_test_50%%2F50%25AB.txt", id="both"),
        pytest.param("二维码", "det_test_二维码.txt", id="other scripts stay"),
    ],
)
def test_names_that_no_file_can_have_are_escaped(name: str, file: str) -> None:
    assert class_file(Path("t"), name) == Path("t") / file
    assert class_of(file) == name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("x" * 250, "makes a file name of 263 bytes, expected 255 at most", id="too long"),
        pytest.param("/" * 90, "makes a file name of 283 bytes", id="too long once escaped"),
        pytest.param("a\ud800", "is no text that UTF-8 can write", id="half a surrogate pair"),
    ],
)
def test_class_names_that_cannot_be_written(name: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        class_file(Path(), name)
