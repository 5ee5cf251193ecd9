"""A file is written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from deploy.whole_file import write_whole


def test_folders_are_made_and_what_was_there_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "file.json"
    for content in (b"first", b"second"):
        write_whole(file, content)
        assert file.read_bytes() == content
    assert [entry.name for entry in file.parent.iterdir()] == ["file.json"]


def test_a_failure_leaves_what_was_there(tmp_path: Path, full_disk: Callable[[], AbstractContextManager[None]]) -> None:
    file = tmp_path / "file.json"
    write_whole(file, b"old")
    with full_disk(), pytest.raises(OSError, match="No space left"):
        write_whole(file, b"new and longer")
    assert file.read_bytes() == b"old" and [entry.name for entry in tmp_path.iterdir()] == ["file.json"]
