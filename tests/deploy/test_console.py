"""Progress is one line on a terminal and few lines in a file; every error ends a command with its code."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from deploy import console
from deploy.console import Progress, StatusLine, exit_code
from deploy.errors import DataError, EnvironmentFault, ModelError, ReportedError, UsageError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stderr = Terminal()
    monkeypatch.setattr(console, "sys", SimpleNamespace(stderr=stderr))  # pytest sets the real one before each test
    monkeypatch.setattr(console, "LIVE_SECONDS", 0.0)
    return stderr


def test_a_shorter_line_wipes_out_a_longer_one(terminal: Terminal) -> None:
    status = StatusLine()
    status.show("a long line")
    status.show("short")
    status.clear()
    status.clear()
    assert terminal.getvalue() == "\ra long line\rshort      \r     \r"


def test_a_file_gets_whole_lines_and_few(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress("detected", 3)
    progress.step()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(console, "QUIET_SECONDS", 0.0)
    progress.step()
    assert capsys.readouterr().err.startswith("detected 2/3, ")


class OutStream(io.StringIO):
    """Of the name and place of the stream that a kernel has for stderr, which is no terminal."""


OutStream.__module__ = "ipykernel.iostream"


def test_below_a_cell_of_a_notebook_the_line_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = OutStream()
    monkeypatch.setattr(console, "sys", SimpleNamespace(stderr=stderr))
    status = StatusLine()
    status.show("1/2")
    status.show("2/2")
    assert not stderr.isatty() and stderr.getvalue() == "\r1/2\r2/2"


def test_a_fault_has_a_line_of_its_own(terminal: Terminal) -> None:
    progress = Progress("detected", 2)
    progress.step()
    progress.fault("a", "no image")
    progress.finish()
    shown, wiped, fault = terminal.getvalue().split("\n")[0].split("\r")[1:]
    assert shown.startswith("detected 1/2, ") and wiped.strip() == "" and fault == "image a failed: no image"
    assert terminal.getvalue().split("\n")[1].startswith("detected 1 images in ")


def test_a_terminal_that_shows_results_is_left_to_them(terminal: Terminal) -> None:
    Progress("detected", 2, results_on_terminal=True).step()
    assert terminal.getvalue() == ""


def raising(error: BaseException | type[BaseException]):
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        pytest.param(ReportedError("x"), 1, "error: x", id="a failure at run time"),
        pytest.param(UsageError("x"), 2, "error: x", id="a wrong call"),
        pytest.param(DataError("x"), 3, "error: x", id="bad data"),
        pytest.param(ModelError("x"), 4, "error: x", id="a bad model"),
        pytest.param(EnvironmentFault("x"), 5, "error: x", id="something is missing"),
        pytest.param(OSError(28, "No space left on device", "out"), 1, "error: out: No space left", id="a full disk"),
        pytest.param(KeyboardInterrupt(), 130, "interrupted", id="Ctrl-C"),
        pytest.param(MemoryError(), 1, "error: the memory that this may use", id="no memory"),
        pytest.param(RuntimeError("DefaultCPUAllocator: can't allocate memory"), 1, "error: the memory", id="torch's"),
        pytest.param(ImportError("x.so: failed to map", name="torch"), 5, "error: a Python package", id="a library"),
    ],
)
def test_exit_codes(error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(raising(error)) == code
    said = capsys.readouterr().err
    assert said.startswith(words) and said.count("\n") == 1


@pytest.mark.parametrize("fault", [RuntimeError("a mistake"), ImportError("no such name", name="deploy.run")], ids=repr)
def test_what_is_wrong_in_this_program_is_not_hidden(fault: Exception) -> None:
    with pytest.raises(type(fault)):
        exit_code(raising(fault))
