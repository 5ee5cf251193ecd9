"""Whatever a board says, it becomes values of known types, and text that a terminal may show."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.board import link as link_module
from deploy.board.facts import Facts, chips_of
from deploy.board.findings import judge
from deploy.board.link import ConnectionLost, Link
from deploy.board.results import fetch, read_image_result, read_speed
from deploy.board.text import cleaned
from deploy.errors import DataError, EnvironmentFault


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        pytest.param("plain äöü 中文", "plain äöü 中文", id="plain"),
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colours"),
        pytest.param("a\x1b]0;title\x07b", "ab", id="a window's title"),
        pytest.param("a\x1b]52;c;ZXZpbA==\x1b\\b", "ab", id="the clipboard"),
        pytest.param("a\x1bPq...\x1b\\b", "ab", id="a device control string"),
        pytest.param("a\rb\nc\x08d", "a b c d", id="control characters"),
        pytest.param("a\u202eb\u200b", "a b", id="turned writing"),
        pytest.param("x" * 600, "x" * 497 + "...", id="too long"),
        pytest.param("\x1b", "", id="a lone escape"),
        pytest.param(7, "", id="no text"),
        pytest.param(None, "", id="nothing"),
    ],
)
def test_texts_are_cleaned(said: Any, shown: str) -> None:
    assert cleaned(said) == shown


NASTY: list[Any] = [None, 7, "x", [], {}, [1], {"a": 1}, True, 1e400, [[1, 2]], "\x1b[0m", [None] * 1000, -5]
KEYS = (
    "user", "machine", "time", "npu_smi", "devices", "driver", "toolkits", "sdks", "env", "told", "missing_env", "run",
    "disk",
)  # fmt: skip


@pytest.mark.parametrize("value", NASTY, ids=lambda value: repr(value)[:12])
def test_facts_of_any_form_are_judged(value: Any) -> None:
    for key in KEYS:
        found = judge(Facts.from_answer({key: value}), 1e9, "Ascend310", "5.0.4")
        assert {finding.check for finding in found} >= {"chip", "CANN", "SDK", "disk"}
        assert "\x1b" not in json.dumps([finding.to_json() for finding in found])
    nested = {"npu_smi": {"text": value, "program": value}, "run": {"version": value, "numpy": value, "fault": value}}
    assert judge(Facts.from_answer({**nested, "disk": {"free": value}, "toolkits": [{"version": value}]}), None)
    assert judge(Facts.from_answer(value), None)


@pytest.mark.parametrize(
    ("table", "names"),
    [
        pytest.param("| 0       310               | OK              | 8.0  45 |\n| 0  0 | NA |", ["310"], id="200DK"),
        pytest.param("| 0       310B4             | Alarm           | 10.4 |", ["310B4"], id="200I DK A2"),
        pytest.param("| 0     310P3     | OK | 10 |\n| 1     310P3     | OK | 10 |", ["310P3", "310P3"], id="two"),
        pytest.param("| NPU     Name      | Health          |", [], id="the head alone"),
        pytest.param("dcmi module initialize failed. ret is -8005", [], id="no driver"),
    ],
)
def test_chips_in_the_table_of_npu_smi(table: str, names: list[str]) -> None:
    assert [chip.name for chip in chips_of(table)] == names


SPEED = '{"images":1,"failed_images":0,"images_per_second":%s,"latency_ms":{"p50":1,"p90":1,"p99":1}}'


def test_a_speed() -> None:
    assert read_speed("noise\n" + SPEED % "2")["images_per_second"] == 2


@pytest.mark.parametrize(
    ("stdout", "sentence"),
    [
        pytest.param("", "printed no report", id="nothing"),
        pytest.param("[1]", "printed no report", id="a list"),
        pytest.param('{"images": 1}', "printed no report", id="half of it"),
        pytest.param(SPEED % "NaN", "printed no report", id="no number"),
        pytest.param(SPEED % "-1", "printed no report", id="less than nothing"),
    ],
)  # fmt: skip
def test_speeds_that_are_none(stdout: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read_speed(stdout)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"objects": 7}',
        '{"objects": [{}]}',
        '{"objects": [{"class": "a", "class_id": 0, "confidence": 1, "box": [1, 2, 3]}]}',
        '{"objects": [{"class": "a", "class_id": 0, "confidence": 1, "box": [1, 2, 3, NaN]}]}',
        "[" * 100_000,
    ],
    ids=lambda text: text[:30] or "nothing",
)
def test_boxes_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=r"a\.json is not a list of boxes"):
        read_image_result(tmp_path, ["a", "b"])


def speaker(monkeypatch: pytest.MonkeyPatch, says: str, greets: bool = True) -> Link:
    """A link to a program that says that, whatever it is asked."""
    hello = 'import json, sys\nprint(\'{"event": "hello", "protocol": 1}\', flush=True)\n' if greets else ""
    monkeypatch.setattr(link_module.ssh, "command", lambda *_: [sys.executable, "-c", hello + says])
    return Link("board", [])


FAULT = {"event": "fault", "kind": "data"}


def event(message: dict[str, Any]) -> str:
    return f"print({json.dumps(message)!r})"


@pytest.mark.parametrize(
    ("says", "kind", "sentence"),
    [
        pytest.param("print('hello')", EnvironmentFault, "a line that is no message", id="no JSON"),
        pytest.param("print('[' * 100000)", EnvironmentFault, "a line that is no message", id="nested beyond reason"),
        pytest.param("print('[]')", EnvironmentFault, "a message without an event", id="no object"),
        pytest.param(event({"event": "line"}), EnvironmentFault, "where an answer was expected", id="another event"),
        pytest.param("pass", ConnectionLost, "broke", id="the end"),
        pytest.param(event({"event": "fault", "kind": 7}), EnvironmentFault, "without a word", id="an empty fault"),
        pytest.param(event({**FAULT, "sentence": "\x1b[2Jbad"}), DataError, "^bad$", id="a fault"),
    ],
)
def test_answers_that_are_none(
    monkeypatch: pytest.MonkeyPatch, says: str, kind: type[Exception], sentence: str
) -> None:
    with speaker(monkeypatch, says) as link, pytest.raises(kind, match=sentence):
        link.ask("facts")


def test_a_board_that_only_talks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "LONGEST_NOISE", 10_000)
    monkeypatch.setattr(link_module, "FAREWELL_SECONDS", 0.2)
    with pytest.raises(EnvironmentFault, match="no greeting of our program"):
        speaker(monkeypatch, "while True: print('x' * 1000)", greets=False)


def test_a_board_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "GREETING_SECONDS", 0.3)
    with pytest.raises(EnvironmentFault, match="wait for somebody to type"):
        speaker(monkeypatch, "import time; time.sleep(60)", greets=False)


@pytest.mark.parametrize(
    ("name", "kept", "sentence"),
    [
        pytest.param("a.json", True, "", id="a result"),
        pytest.param("../a.json", False, "left out", id="the folder above"),
        pytest.param("/etc/passwd", False, "left out", id="another folder"),
        pytest.param("b.json", False, "left out", id="no image of the set"),
    ],
)
def test_results_go_only_where_they_belong(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    kept: bool,
    sentence: str,
) -> None:
    says = (
        "import hashlib\nsys.stdin.buffer.readline()\n"
        f"print(json.dumps({{'event': 'file', 'name': {name!r}, 'size': 2, "
        "'sha256': hashlib.sha256(b'{}').hexdigest()}), flush=True)\n"
        "sys.stdout.write('{}')\nprint(json.dumps({'event': 'done'}))"
    )
    with speaker(monkeypatch, says) as link:
        assert fetch(link, "image_result", tmp_path / "out/in", {"a.json"}) == kept
    assert [path.name for path in tmp_path.rglob("*.*")] == (["a.json"] if kept else [])
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        pytest.param("'size': 2, 'sha256': 'x'", "arrived broken", id="another hash"),
        pytest.param("'size': 1 << 40", "that is no result", id="too large"),
        pytest.param("'size': -1", "something else", id="less than nothing"),
        pytest.param("'size': 'x'", "something else", id="no size"),
    ],
)
def test_results_that_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fields: str, sentence: str) -> None:
    says = f"print(json.dumps({{'event': 'file', 'name': 'a.json', {fields}}}), flush=True)\nprint('{{}}')"
    with speaker(monkeypatch, says) as link, pytest.raises(DataError, match=sentence):
        fetch(link, "image_result", tmp_path / "out", {"a.json"})


def test_the_program_for_the_board_is_python_3_6() -> None:
    import ast

    for file in sorted((Path(link_module.__file__).parent / "remote").glob("*.py")):
        ast.parse(file.read_text(), feature_version=(3, 6))
        assert "capture_output" not in file.read_text() and "annotations" not in file.read_text().split('"""')[-1]


def test_the_program_for_the_board_needs_the_standard_library_alone() -> None:
    request = json.dumps({"do": "facts", "env": [], "python": None, "root": "x"})
    program = json.dumps(link_module._program())
    code = "import sys; exec(sys.stdin.buffer.readline())"
    text = f"exec({link_module.LAUNCHER!r})\n{len(program)}\n{program}{request}\n"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], input=text, capture_output=True, text=True, cwd="/")
    assert done.stderr == ""
    assert json.loads(done.stdout.splitlines()[-1])["facts"]["probe_python"][0] == 3
