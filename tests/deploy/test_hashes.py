from __future__ import annotations

import hashlib
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
