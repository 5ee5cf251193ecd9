from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from deploy.hashes import file_sha256


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"abc" * 100_000, id="in one block"),
        pytest.param(b"x" * ((2 << 20) + 1), id="the last of three blocks is one byte"),
    ],
)
def test_file_sha256(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert file_sha256(tmp_path / "x") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_not_read(tmp_path: Path, kind: str) -> None:
    """A pipe that nobody writes to, and /dev/zero, would be read without end."""
    if kind == "pipe":
        os.mkfifo(tmp_path / "x")
    elif kind == "device":
        (tmp_path / "x").symlink_to("/dev/zero")
    else:
        (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match=r"not a regular file|directory"):
        file_sha256(tmp_path / "x")
