"""Only regular files are read, and no more of them than their kind needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from compute_mAP.errors import DataError
from compute_mAP.regular_file import read_regular


def _pipe(file: Path) -> None:
    os.mkfifo(file)


def _device(file: Path) -> None:
    file.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(_pipe, "it is not a regular file", id="a pipe that nobody writes to"),
        pytest.param(_device, "it is not a regular file", id="a device without end"),
        pytest.param(Path.mkdir, "Is a directory", id="a folder"),
        pytest.param(lambda file: None, "does not exist", id="nothing"),
        pytest.param(lambda file: file.write_bytes(b"12345"), "it is longer than 4 bytes", id="too long"),
    ],
)
def test_refused_at_once(tmp_path: Path, make: Callable[[Path], object], sentence: str) -> None:
    make(tmp_path / "file")
    with pytest.raises(DataError, match=f"the list .*file.* {sentence}"):
        read_regular(tmp_path / "file", "the list", 4)


def test_a_name_with_a_nul_byte(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: the name holds a NUL byte"):
        read_regular(f"{tmp_path}/a\0b", "list", 4)


def test_links_are_followed_and_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "link", "list", 4) == b"1234"
