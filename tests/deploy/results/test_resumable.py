"""Runs that are killed: what they leave, who may go on with it, and that the end is the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.cli import main
from deploy.errors import UsageError
from deploy.results.ours import Maker
from deploy.results.resumable import resumable_run

ROOT = Path(__file__).resolve().parents[3]
MAKER = Maker("test", "result of test", ("a", "b"))
INPUTS = {"model": "1", "image set": "2"}
NAMES = ("red", "green", "blue")


def begin(folder: Path, done: int = 3) -> Path:
    """Leave an unfinished run behind, as a kill does; returns its folder."""
    with pytest.raises(KeyboardInterrupt), resumable_run(folder, MAKER, INPUTS, False) as run:
        (run.folder / "a").write_text("a")
        run.done, run.failed, run.counts, run.sizes = done, ["x"], {"cat": 2}, {"a": 1}
        run.save()
        raise KeyboardInterrupt
    return run.folder


def test_it_goes_on_with_what_was_saved(tmp_path: Path) -> None:
    begin(tmp_path / "out")
    with resumable_run(tmp_path / "out", MAKER, INPUTS, True) as run:
        assert (run.done, run.failed, run.counts, run.sizes) == (3, ["x"], {"cat": 2}, {"a": 1})
        assert (run.folder / "a").read_text() == "a"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == [".made_by", "a"]


def test_without_resume_it_begins_anew_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(tmp_path / "out")
    with resumable_run(tmp_path / "out", MAKER, INPUTS, False) as run:
        assert run.done == 0 and [entry.name for entry in run.folder.iterdir()] == [".made_by"]
    assert "an unfinished run of 3 images is dropped" in capsys.readouterr().err


@pytest.mark.parametrize("left", [None, "{", "[]", '{"done": "3"}'], ids=["nothing", "torn", "a list", "another form"])
def test_nothing_to_go_on_with(tmp_path: Path, left: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    place = begin(tmp_path / "out")
    (place / ".unfinished").unlink() if left is None else (place / ".unfinished").write_text(left)
    with resumable_run(tmp_path / "out", MAKER, INPUTS, True) as run:
        assert run.done == 0 and [entry.name for entry in run.folder.iterdir()] == [".made_by"]
    assert "this one begins at the first image" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"model": "9"}, "had another model; use the same again", id="one"),
        pytest.param({"model": "9", "image set": "8"}, "had another model and another image set;", id="both"),
    ],
)
def test_other_inputs_are_refused_and_nothing_is_lost(tmp_path: Path, change: dict[str, str], sentence: str) -> None:
    place = begin(tmp_path / "out")
    before = {file.name: file.read_bytes() for file in place.iterdir()}
    with pytest.raises(UsageError, match=sentence), resumable_run(tmp_path / "out", MAKER, {**INPUTS, **change}, True):
        pass
    assert {file.name: file.read_bytes() for file in place.iterdir()} == before


def test_a_second_run_at_the_same_time_is_refused(tmp_path: Path) -> None:
    with resumable_run(tmp_path / "out", MAKER, INPUTS, False) as run:
        (run.folder / "a").write_text("a")
        with (
            pytest.raises(UsageError, match="another run is writing"),
            resumable_run(tmp_path / "out", MAKER, INPUTS, False),
        ):
            pass
        assert (run.folder / "a").read_text() == "a"
    assert (tmp_path / "out/a").exists()


@pytest.mark.parametrize(
    ("done", "failed", "kept"),
    [
        pytest.param(3, 1, True, id="some results"),
        pytest.param(2, 2, False, id="failures alone"),
        pytest.param(0, 0, False, id="nothing yet"),
    ],
)
@pytest.mark.parametrize("fault", [OSError(28, "No space left"), ZeroDivisionError(), SystemExit()], ids=repr)
def test_whatever_ends_it_takes_no_results_away(
    tmp_path: Path, fault: BaseException, done: int, failed: int, kept: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(type(fault)), resumable_run(tmp_path / "out", MAKER, INPUTS, False) as run:
        run.done, run.failed = done, ["x"] * failed
        run.save()
        raise fault
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ([".out.unfinished"] if kept else []) + ["out"]
    assert ("3 images are kept; --resume continues" in capsys.readouterr().err) == kept


@pytest.mark.parametrize("what", ["link", "file", "foreign"])
def test_what_lies_in_its_place_is_not_touched(tmp_path: Path, what: str) -> None:
    place, precious = tmp_path / ".out.unfinished", tmp_path / "precious"
    precious.mkdir()
    (precious / "letter").write_text("dear")
    if what == "link":
        place.symlink_to(precious)
    elif what == "file":
        place.write_text("dear")
    else:
        precious.rename(place)
    sentence = r"out\.unfinished: (is a link|is no folder|holds letter)"
    with pytest.raises(UsageError, match=sentence), resumable_run(tmp_path / "out", MAKER, INPUTS, False):
        pass
    files = {path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"dear"} and not (tmp_path / "out").exists()


def test_a_link_in_an_unfinished_run_is_not_written_through(tmp_path: Path) -> None:
    place = begin(tmp_path / "out")
    (tmp_path / "precious").write_text("dear")
    (place / "b").symlink_to(tmp_path / "precious")
    with resumable_run(tmp_path / "out", MAKER, INPUTS, True) as run:
        assert run.done == 0 and not (run.folder / "b").exists()
    assert (tmp_path / "precious").read_text() == "dear"


def test_it_is_saved_although_the_clock_stands_still_or_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.results.resumable.SAVE_IMAGES", 3)
    now = 1000.0
    monkeypatch.setattr("deploy.results.resumable.time.monotonic", lambda: now)
    with resumable_run(tmp_path / "out", MAKER, INPUTS, False) as run:
        run.save()
        due = []
        for run.done in range(1, 8):
            due.append(run.is_due())
            if due[-1]:
                run.save()
        assert due == [False, False, True, False, False, True, False]
        now = 5.0
        assert run.is_due()


@pytest.fixture
def devkit(tmp_path: Path, tiny_bundle: Callable[..., Path], blob_jpeg: Callable[..., bytes]) -> Path:
    """A bundle and a devkit of 60 images, a few of them broken."""
    tiny_bundle()
    year = tmp_path / "VOCdevkit/VOC2007"
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (year / name).mkdir(parents=True)
    names = [f"p{i:03}" for i in range(60)]
    for i, name in enumerate(names):
        x, y, c = i % 7, i // 7 % 7, i % 3
        content = b"broken" if i % 20 == 7 else blob_jpeg([(x, y, c)])
        (year / f"JPEGImages/{name}.jpg").write_bytes(content)
        box = "".join(
            f"<{tag}>{16 * value}</{tag}>"
            for tag, value in (("xmin", x), ("ymin", y), ("xmax", x + 1), ("ymax", y + 1))
        )
        (year / f"Annotations/{name}.xml").write_text(
            f"<annotation><object><name>{NAMES[c]}</name><bndbox>{box}</bndbox></object></annotation>"
        )
    (year / "ImageSets/Main/test.txt").write_text("\n".join(names))
    return tmp_path


SLOWLY = """
import sys, time
sys.path.insert(0, sys.argv[1])
import deploy.run.flow, deploy.results.resumable
deploy.results.resumable.SAVE_SECONDS = 0.05
plain, names = deploy.run.flow.read_image, set()
def read_image(folder, name):
    names.add(name)
    time.sleep(0.5 if len(names) > 30 else 0)
    return plain(folder, name)
deploy.run.flow.read_image = read_image
from deploy.cli import main
sys.exit(main(sys.argv[2:]))
"""


def killed(folder: Path, arguments: list[str], state: Path, number: signal.Signals) -> int:
    """Run a command in a process of its own and send it a signal once part of its work is saved."""
    command = [sys.executable, "-c", SLOWLY, str(ROOT), *arguments]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if state.exists() and json.loads(state.read_bytes())["done"] >= 20:
            break
        time.sleep(0.01)
    assert process.poll() is None, "it was to be killed on the way"
    process.send_signal(number)
    return process.wait(30)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
@pytest.mark.parametrize(
    ("verb", "result"),
    [
        pytest.param(["eval", "VOCdevkit"], "txt_result", id="eval"),
        pytest.param(
            ["detect", "VOCdevkit/VOC2007/ImageSets/Main/test.txt", "VOCdevkit/VOC2007/JPEGImages"],
            "image_result",
            id="detect",
        ),
    ],
)
def test_killed_and_continued_equals_unbroken(
    devkit: Path,
    verb: list[str],
    result: str,
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(devkit)
    arguments = [*verb, "--model", "bundle", "--json"]
    assert main([*arguments, "--out", "whole"]) == 0
    whole = json.loads(capsys.readouterr().out)
    state = devkit / f"broken/.{result}.unfinished/.unfinished"
    code = killed(devkit, [*arguments, "--out", "broken"], state, number)
    assert code == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert not (devkit / "broken" / result).exists()
    for file in state.parent.glob("det_test_*"):  # what a kill may leave behind the last saved state
        with file.open("a") as stream:
            stream.write("p059 0.5")
    done = json.loads(state.read_bytes())["done"]
    assert 0 < done < 60
    assert main([*arguments, "--out", "broken", "--resume"]) == 0
    answer = capsys.readouterr()
    assert f"continuing after {done} images" in answer.err
    found = json.loads(answer.out)
    assert {**found, "out": ""} == {**whole, "out": ""}
    files = {f.name: f.read_bytes() for f in (devkit / "whole" / result).iterdir()}
    assert {f.name: f.read_bytes() for f in (devkit / "broken" / result).iterdir()} == files
    assert [entry.name for entry in (devkit / "broken").iterdir()] == [result]


def test_a_changed_model_is_another_run(
    devkit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(devkit)
    arguments = ["eval", "VOCdevkit", "--model", "bundle", "--out", "broken"]
    killed(devkit, arguments, devkit / "broken/.txt_result.unfinished/.unfinished", signal.SIGKILL)
    assert main([*arguments, "--conf", "0.3", "--resume"]) == 2
    assert "had another pipeline or threshold" in capsys.readouterr().err
    (devkit / "bundle/labels.names").write_text("red\ngreen\nviolet\n")
    assert main([*arguments, "--resume"]) == 2
    assert "had another model, configuration or label file" in capsys.readouterr().err
