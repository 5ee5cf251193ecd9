"""Result folders appear whole or not at all; text results keep every line."""

from pathlib import Path

import pytest

from deploy.results.detections import Detection
from deploy.results.folder import result_folder, write_failed
from deploy.results.txt_result import TextResults


def write(folder: Path, text: str) -> None:
    with result_folder(folder) as partial:
        (partial / "file").write_text(text)


def test_a_break_in_the_middle_leaves_everything_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    for text in ("0", "1", "2"):
        write(folder, text)
    with pytest.raises(ZeroDivisionError), result_folder(folder) as partial:
        (partial / "file").write_text("3")
        raise ZeroDivisionError
    assert (folder / "file").read_text() == "2"
    assert (tmp_path / "result.prev/file").read_text() == "1"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["result", "result.prev"]


def test_a_file_in_the_way_moves_aside_too(tmp_path: Path) -> None:
    (tmp_path / "result").write_text("mine")
    (tmp_path / "result.prev").write_text("older")
    write(tmp_path / "result", "1")
    assert (tmp_path / "result.prev").read_text() == "mine"
    assert (tmp_path / "result/file").read_text() == "1"


def test_others_may_read_the_results(tmp_path: Path) -> None:
    write(tmp_path / "result", "1")
    assert (tmp_path / "result").stat().st_mode & 0o777 == 0o755


def test_lines_beyond_what_is_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.results.txt_result.LINES_AT_ONCE", 3)
    results = TextResults(tmp_path, ["a", "b", "c"])
    for i in range(5):
        results.add(f"p{i}", [Detection("a", 0, 0.5, i, 0, 1, 2), Detection("b", 1, 0.25, i, -1.5, 1, 1e9)])
    results.flush()
    a, b, c = ((tmp_path / f"det_test_{name}.txt").read_text().splitlines() for name in "abc")
    assert a == [f"p{i} 0.500000 {i}.000000 0.000000 1.000000 2.000000" for i in range(5)]
    assert b[4] == "p4 0.250000 4.000000 -1.500000 1.000000 1000000000.000000" and len(b) == 5
    assert c == []


def test_failed_images(tmp_path: Path) -> None:
    write_failed(tmp_path, [])
    assert not (tmp_path / "failed_images.txt").exists()
    write_failed(tmp_path, ["a b", "猫"])
    assert (tmp_path / "failed_images.txt").read_text(encoding="utf-8") == "a b\n猫\n"
