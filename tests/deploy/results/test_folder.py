"""Result folders appear whole or not at all; text results keep every line."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.errors import UsageError
from deploy.results.detections import Detection
from deploy.results.folder import result_folder, write_failed
from deploy.results.ours import Maker
from deploy.results.txt_result import TextResults

MAKER = Maker("test", "result of test", ("file",))


def write(folder: Path, text: str) -> None:
    with result_folder(folder, MAKER) as partial:
        (partial / "file").write_text(text)


def test_a_break_in_the_middle_leaves_everything_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    for text in ("0", "1", "2"):
        write(folder, text)
    with pytest.raises(ZeroDivisionError), result_folder(folder, MAKER) as partial:
        (partial / "file").write_text("3")
        raise ZeroDivisionError
    assert (folder / "file").read_text() == "2"
    assert (tmp_path / "result.prev/file").read_text() == "1"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["result", "result.prev"]


def test_an_empty_folder_is_filled_and_pushes_nothing_out(tmp_path: Path) -> None:
    for text in ("1", "2"):
        write(tmp_path / "result", text)
    shutil.rmtree(tmp_path / "result")
    (tmp_path / "result").mkdir()
    write(tmp_path / "result", "3")
    assert (tmp_path / "result.prev/file").read_text() == "1"


def test_what_appears_meanwhile_is_kept_and_the_result_too(tmp_path: Path) -> None:
    (tmp_path / "result.1").mkdir()
    with pytest.raises(UsageError, match="is no result of test"), result_folder(tmp_path / "result", MAKER) as partial:
        (partial / "file").write_text("hours of work")
        (tmp_path / "result").mkdir()
        (tmp_path / "result/precious").write_text("p")
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"result/precious", "result.2/file", "result.2/.made_by"}


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from deploy.results.folder import result_folder
from deploy.results.ours import Maker
with result_folder(Path("result"), Maker("test", "result of test", ("file",))) as partial:
    (partial / "file").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_kill_leaves_is_cleared_by_the_next_run(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", KILLED, str(root)], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL and len(list(tmp_path.iterdir())) == 1
    write(tmp_path / "result", "whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["result"]


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
