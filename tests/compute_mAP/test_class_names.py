from __future__ import annotations

from pathlib import Path

import pytest

from compute_mAP.class_names import read_names
from compute_mAP.errors import DataError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("dmcode\nqrcode\n", ["dmcode", "qrcode"]),
        ("potted plant \r\n二维码\t\r\n\r\n \n", ["potted plant", "二维码"]),
        ("# from the SDK's sample\nperson\n", ["person"]),
        ("\ufeffperson", ["person"]),
    ],
    ids=["plain", "Windows, inner blank, other script, blank end", "comment at the top", "byte order mark"],
)
def test_names(tmp_path: Path, text: str, names: list[str]) -> None:
    file = tmp_path / "a.names"
    file.write_bytes(text.encode())
    assert read_names(file) == names


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\n\nb\n", "line 2: the name of class 1 is blank"),
        ("a\nb\na\n", "line 3: the name of class 2 is 'a', which class 0 has already"),
        (" \n\n", "is empty"),
        ("# only a comment\n", "is empty"),
    ],
    ids=["blank between names shifts the numbers", "twice", "blank", "no name"],
)
def test_refused(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "a.names"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=sentence) as caught:
        read_names(file)
    assert "a.names" in str(caught.value)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"names file .* does not exist"):
        read_names(tmp_path / "gone.names")
