"""A folder is made as a whole or not at all, and nothing foreign is ever replaced."""

from pathlib import Path

import pytest

from compress.data.out_folder import MARKER, built_whole, link_or_copy
from deploy.errors import ReportedError, UsageError

ENTRIES = ("a.txt", "sub")


def make(out: Path, text: str = "new", maker: str = "maker") -> None:
    with built_whole(out, maker, ENTRIES) as work:
        (work / "a.txt").write_text(text)
        (work / "sub").mkdir()


def test_new_empty_and_earlier(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    make(out, "1")
    assert (out / "a.txt").read_text() == "1"
    make(out, "2")
    assert (out / "a.txt").read_text() == "2"
    empty = tmp_path / "empty"
    empty.mkdir()
    make(empty)
    assert sorted(path.name for path in empty.iterdir()) == [MARKER, *ENTRIES]
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"out"}, "the temporary folder is gone"


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_failure_changes_nothing(tmp_path: Path, fault: type[BaseException]) -> None:
    out = tmp_path / "out"
    make(out, "1")
    with pytest.raises(fault), built_whole(out, "maker", ENTRIES) as work:
        (work / "a.txt").write_text("2")
        raise fault
    assert (out / "a.txt").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_last_step_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    make(out, "1")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "fresh":
            raise PermissionError(13, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(ReportedError, match=r"cannot make .*out: Permission denied"):
        make(out, "2")
    assert (out / "a.txt").read_text() == "1", "the earlier result is put back"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_nothing_foreign_is_replaced(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "precious").write_text("p")
    with pytest.raises(UsageError, match=r"holds other things .precious"):
        make(foreign)
    assert (foreign / "precious").read_text() == "p"

    make(tmp_path / "other", maker="other maker")
    with pytest.raises(UsageError, match="was made by other maker"):
        make(tmp_path / "other")

    make(tmp_path / "mixed")
    (tmp_path / "mixed" / "runs").mkdir()
    with pytest.raises(UsageError, match="was made by maker, but holds runs too"):
        make(tmp_path / "mixed")

    (tmp_path / "file").write_text("f")
    with pytest.raises(UsageError, match="is a file"):
        make(tmp_path / "file")
    with pytest.raises(ReportedError, match=r"cannot write into .*file"):
        make(tmp_path / "file" / "out")


def test_what_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="holds other things"), built_whole(out, "maker", ENTRIES):
        out.mkdir()
        (out / "precious").write_text("p")
    assert (out / "precious").read_text() == "p"


def test_fault_while_writing_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(ReportedError, match=r"cannot make .*out: No such file"),
        built_whole(tmp_path / "out", "maker", ENTRIES) as work,
    ):
        (work / "absent" / "a.txt").write_text("x")
    assert not list(tmp_path.iterdir())


def test_link_or_copy(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("s")
    link_or_copy(source, tmp_path / "linked")
    assert (tmp_path / "linked").samefile(source)
    (tmp_path / "soft").symlink_to(source)
    link_or_copy(tmp_path / "soft", tmp_path / "followed")
    assert not (tmp_path / "followed").is_symlink()
    assert (tmp_path / "followed").read_text() == "s"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("sub/mine.jpg", "holds sub/mine.jpg too, which would be lost", id="added below"),
        pytest.param("a.txt", "a.txt was changed since, which would be lost", id="edited"),
    ],
)
def test_what_a_user_did_in_it_is_not_replaced(tmp_path: Path, name: str, sentence: str) -> None:
    out = tmp_path / "out"
    make(out)
    (out / name).write_text("somebody's work")
    with pytest.raises(UsageError, match=sentence):
        make(out)
    assert (out / name).read_text() == "somebody's work"


def test_leftovers_of_a_kill_are_cleared(tmp_path: Path) -> None:
    (tmp_path / ".out.ays-new").mkdir()
    (tmp_path / ".out.ays-new" / "half").write_text("h")
    make(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
