"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import resource
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.whole_file import append, write_new, write_whole, writing


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


def test_a_link_is_neither_followed_nor_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("dear")
    for name in ("file", ".file.ays-new"):
        (tmp_path / name).symlink_to("precious")
    write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "precious").read_text() == "dear"
    assert (tmp_path / "file").read_bytes() == b"new" and not (tmp_path / "file").is_symlink()
    (tmp_path / "log").symlink_to("precious")
    write_new(tmp_path / "log", b"log")
    assert (tmp_path / "precious").read_text() == "dear" and (tmp_path / "log").read_bytes() == b"log"


def test_a_full_disk_names_the_file_and_what_is_missing(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    write_whole(tmp_path / "file", b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"4321 bytes have to be written.*file'$"):
            write_whole(tmp_path / "file", bytes(4321))
        with pytest.raises(OSError, match=r"4321 bytes have to be written.*other'$"):
            write_new(tmp_path / "other", bytes(4321))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "file").read_bytes() == b"old"


def test_what_is_appended_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    append(tmp_path / "log", b"one\n")
    append(tmp_path / "log", b"two\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"4321 bytes have to be written.*log'$"):
            append(tmp_path / "log", bytes(4321))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"
    (tmp_path / "link").symlink_to("log")
    with pytest.raises(OSError, match=r"link'$"):
        append(tmp_path / "link", b"three\n")
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"


def test_the_bytes_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.whole_file.shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"1500 bytes have to be written, 500 bytes are missing"), writing(tmp_path, 1500):
        raise OSError(errno.ENOSPC, "No space left on device")
