"""Only what this program made is moved or replaced, and an output never swallows an input."""

import os
from pathlib import Path

import pytest

from deploy.errors import UsageError
from deploy.results.ours import MARKER, Maker, check_apart, check_deletable, check_replaceable, mark

MAKER = Maker("cook", "meal", ("*.log",), lambda folder: (folder / "menu.json").is_file())


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        pytest.param(None, "", id="absent"),
        pytest.param([], "", id="empty"),
        pytest.param([MARKER, "a.txt"], "", id="marked"),
        pytest.param(["menu.json"], "", id="made before there were markers"),
        pytest.param(["photo.jpg"], "out: exists and is no meal; expected a new folder or a meal", id="foreign"),
        pytest.param(["a.txt"], "is no meal", id="names as ours, but no marker"),
        pytest.param(["sub/" + MARKER], "is no meal", id="a marker further down"),
        pytest.param([MARKER + "/x"], "is no meal", id="a folder of the marker's name"),
    ],
)
def test_folders_that_may_be_replaced(tmp_path: Path, files: list[str] | None, sentence: str) -> None:
    out = tmp_path / "out"
    if files is not None:
        out.mkdir()
        for name in files:
            (out / name).parent.mkdir(exist_ok=True)
            (out / name).write_text("cook\n")
    if sentence:
        with pytest.raises(UsageError, match=sentence):
            check_replaceable(out, MAKER)
    else:
        check_replaceable(out, MAKER)


def test_the_folder_of_another_command_and_a_file(tmp_path: Path) -> None:
    mark(tmp_path, Maker("gardener", "bed", ()))
    with pytest.raises(UsageError, match="is no meal"):
        check_replaceable(tmp_path, MAKER)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is no folder"):
        check_replaceable(tmp_path / "file", MAKER)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("notes.md", "is nothing that cook made", id="another kind"),
        pytest.param("mine.jpg", "is nothing that cook made", id="the very kind that it makes"),
        pytest.param("sub2/x.jpg", "is nothing that cook made", id="further down"),
        pytest.param(".hidden", "is nothing that cook made", id="hidden"),
        pytest.param("ours.jpg", "was changed", id="a file of ours that somebody has painted in"),
        pytest.param("link", "is nothing that cook made", id="a link to a folder"),
        pytest.param("seen.log", "", id="a name that nobody else's file has"),
        pytest.param(os.fsdecode(b"\xff.jpg"), "", id="listed under a name that is no UTF-8"),
    ],
)
def test_what_is_not_made_by_it_is_not_deleted(tmp_path: Path, name: str, sentence: str) -> None:
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    for made in ("ours.jpg", "sub/ours.jpg", os.fsdecode(b"\xff.jpg")):
        (out / made).write_text("ours")
    mark(out, MAKER)
    check_deletable(out, MAKER)
    (out / name).parent.mkdir(exist_ok=True)
    if name == "link":
        (out / name).symlink_to(tmp_path)
    else:
        (out / name).write_text("mine")  # of the same length as "ours"
        with (out / name).open("a") as file:
            file.write("!" * (name == "ours.jpg"))
    check_replaceable(out, MAKER)
    if not sentence:
        check_deletable(out, MAKER)
        return
    with pytest.raises(UsageError, match=f"holds {name}, which would be lost and {sentence}"):
        check_deletable(out, MAKER)


def test_a_folder_without_a_list_may_be_moved_but_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "menu.json").write_text("{}")
    check_replaceable(tmp_path, MAKER)
    with pytest.raises(UsageError, match=r"holds menu\.json, which would be lost"):
        check_deletable(tmp_path, MAKER)


@pytest.mark.parametrize("place", [Path("/"), Path(".."), Path(), Path()], ids=str)
def test_names_that_are_none(place: Path) -> None:
    for path in (place, place.absolute()):
        with pytest.raises(UsageError, match=r"expected the name of a folder|is the current folder or one above"):
            check_replaceable(path, MAKER)


def test_the_current_folder_is_not_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out/deep").mkdir(parents=True)
    mark(tmp_path / "out", MAKER)
    monkeypatch.chdir(tmp_path / "out/deep")
    with pytest.raises(UsageError, match="current folder or one above"):
        check_replaceable(tmp_path / "out", MAKER)


@pytest.mark.parametrize(
    ("out", "source", "recursive", "apart"),
    [
        pytest.param("photos", "photos", False, False, id="the same"),
        pytest.param("photos", "photos/a.jpg", False, False, id="a file in it"),
        pytest.param("link", "photos", False, False, id="the same by a link"),
        pytest.param("photos/../photos", "photos", False, False, id="the same by another path"),
        pytest.param("photos/out", "photos", False, True, id="inside, where folders are not read"),
        pytest.param("photos/out", "photos", True, False, id="inside, where they are"),
        pytest.param("photos2", "photos", True, True, id="names that begin alike"),
    ],
)
def test_inputs_and_outputs(tmp_path: Path, out: str, source: str, recursive: bool, apart: bool) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_text("x")
    (tmp_path / "link").symlink_to("photos")
    if apart:
        check_apart(tmp_path / out, [tmp_path / source], recursive)
    else:
        with pytest.raises(UsageError, match="overlaps the input"):
            check_apart(tmp_path / out, [tmp_path / source], recursive)


def test_a_marker_that_is_a_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("dear")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MARKER).symlink_to(tmp_path / "precious")
    mark(tmp_path / "out", MAKER)
    assert (tmp_path / "precious").read_text() == "dear"
