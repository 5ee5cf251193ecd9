from __future__ import annotations

from pathlib import Path

import pytest

from compute_mAP.errors import DataError
from compute_mAP.text_file import read_lines


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"a\n\n", ["a", ""]),
        (b"a\r\nb\r\n", ["a\r", "b\r"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        ("a\u2028b\x0cc\n".encode(), ["a\u2028b\x0cc"]),
    ],
    ids=["empty", "plain", "no end", "blank line", "Windows", "byte order mark", "only a line feed ends a line"],
)
def test_lines(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    file = tmp_path / "file.txt"
    file.write_bytes(content)
    assert read_lines(file, "list") == lines


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"list .*gone\.txt does not exist"):
        read_lines(tmp_path / "gone.txt", "list")
    with pytest.raises(DataError, match=r"list .* cannot be read"):
        read_lines(tmp_path, "list")
    (tmp_path / "utf16.txt").write_text("a", encoding="utf-16")
    with pytest.raises(DataError, match=r"list .*utf16\.txt is not UTF-8 text: found byte 0xff"):
        read_lines(tmp_path / "utf16.txt", "list")
    with pytest.raises(DataError, match="save it as UTF-8"):
        read_lines(tmp_path / "utf16.txt", "list")
    (tmp_path / "gbk.txt").write_bytes(b"a\nb \xc4\xe3\n")
    with pytest.raises(DataError, match="found byte 0xc4 in line 2, byte 3 of that line"):
        read_lines(tmp_path / "gbk.txt", "list")
