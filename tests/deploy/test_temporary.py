"""Temporary names are made anew, hold against the living, and give way after a kill."""

import os
from pathlib import Path

import pytest

from deploy.temporary import EARLIER, temporary_file, temporary_folder


def left(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_two_at_once_have_names_of_their_own(tmp_path: Path) -> None:
    with temporary_file(tmp_path / "a") as (_, one), temporary_file(tmp_path / "a") as (_, two):
        assert one != two
    with temporary_folder(tmp_path / "a") as one, temporary_folder(tmp_path / "a") as two:
        assert one != two
    assert left(tmp_path) == []


@pytest.mark.parametrize("kind", ["file", "folder", "link", "broken link", "link to a folder"])
def test_leftovers_are_cleared_and_links_not_followed(tmp_path: Path, kind: str) -> None:
    leftover, precious = tmp_path / ".a.ays-new", tmp_path / "precious"
    precious.mkdir()
    (precious / "letter").write_text("dear")
    if kind == "file":
        leftover.write_text("half")
    elif kind == "folder":
        leftover.mkdir()
        (leftover / "half").write_text("half")
    else:
        leftover.symlink_to({"link": precious / "letter", "broken link": tmp_path / "no"}.get(kind, precious))
    with temporary_file(tmp_path / "a") as (handle, place):
        assert place == leftover
        os.write(handle, b"new")
        place.rename(tmp_path / "a")
    with temporary_folder(tmp_path / "b") as place:
        (place / "x").write_text("y")
    assert left(tmp_path) == ["a", "precious"] and (precious / "letter").read_text() == "dear"


def test_what_was_there_before_a_kill_between_two_renames_comes_back(tmp_path: Path) -> None:
    (tmp_path / ".a.ays-new" / EARLIER).mkdir(parents=True)
    (tmp_path / ".a.ays-new" / EARLIER / "x").write_text("old")
    with temporary_folder(tmp_path / "a"):
        pass
    assert (tmp_path / "a/x").read_text() == "old" and left(tmp_path) == ["a"]
