"""Whatever a board says, it becomes values of known types, and text that a terminal may show."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from deploy.board import link as link_module
from deploy.board.contents import Item
from deploy.board.doctor import Wanted
from deploy.board.facts import Facts, chips_of
from deploy.board.findings import judge
from deploy.board.link import ConnectionLost, Link
from deploy.board.remote import probe
from deploy.board.remote.pulse import Pulse
from deploy.board.remote.wire import Wire
from deploy.board.results import fetch, read_image_result, read_speed
from deploy.board.text import cleaned
from deploy.board.transfer import Transfer
from deploy.errors import DataError, EnvironmentFault
from deploy.run.machine import Machine


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
    hostile = {
        **json.loads(SPEED % "2"),
        "stages_ms": {"infer": 5, "post": "x", "rm": 1},
        "on": [],
        "machine": {"chip": "\x1b[31mAscend310", "cores": 1e99, "sdk": ["x"], "more": 1},
        "model": {"sha256": "../etc", "onnx_sha256": 7, "imgsz": [True, 1], "file": "a" * 999},
    }
    found = read_speed(json.dumps(hostile))
    assert found["stages_ms"] == {"infer": 5.0} and found["on"] == ""
    assert found["machine"] == Machine(chip="Ascend310").to_json()
    assert found["model"]["sha256"] == "" and found["model"]["imgsz"] is None and len(found["model"]["file"]) == 200


def test_versions_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What set_env.sh says, before what lies in the usual folders."""
    (tmp_path / "aarch64-linux").mkdir()
    (tmp_path / "aarch64-linux/ascend_toolkit_install.info").write_text("package_name=x\nversion=8.0.0\n")
    (tmp_path / "version.info").write_text("5.0.RC3\n")
    monkeypatch.setattr(probe, "find_toolkits", lambda: [{"version": "5.0.4"}])
    for variable in ("ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH", "MX_SDK_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert probe.versions_in_use() == ("5.0.4", "")
    monkeypatch.setenv("ASCEND_TOOLKIT_HOME", str(tmp_path))
    monkeypatch.setenv("MX_SDK_HOME", str(tmp_path))
    assert probe.versions_in_use() == ("8.0.0", "5.0.RC3")


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
    monkeypatch.setattr(link_module, "FAREWELL_SECONDS", 0.05)
    hello = 'import json, sys\nprint(\'{"event": "hello", "protocol": 1}\', flush=True)\n' if greets else ""
    monkeypatch.setattr(link_module.ssh, "command", lambda *_: [sys.executable, "-c", hello + says])
    return Link("board", [])


ONCE_ASKED = "sys.stdin.buffer.readline()\n"  # a program that has ended already cannot be asked
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
        pytest.param(event({"event": "fault", "kind": 7}), EnvironmentFault, "without a desc", id="an empty fault"),
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
    with pytest.raises(EnvironmentFault, match="no greeting from our program"):
        speaker(monkeypatch, "while True: print('x' * 1000)", greets=False)


def test_a_board_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "GREETING_SECONDS", 0.1)
    with pytest.raises(EnvironmentFault, match="waiting for input"):
        speaker(monkeypatch, "import time; time.sleep(60)", greets=False)


@pytest.mark.parametrize(
    ("name", "kept", "sentence"),
    [
        pytest.param("a.json", True, "", id="a result"),
        pytest.param("../a.json", False, "is ignored", id="the folder above"),
        pytest.param("/etc/passwd", False, "is ignored", id="another folder"),
        pytest.param("b.json", False, "is ignored", id="no image of the set"),
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
        f"import hashlib\n{ONCE_ASKED}"
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
        pytest.param("'size': 2, 'sha256': 'x'", "arrived corrupted", id="another hash"),
        pytest.param("'size': 1 << 40", "that is not a result", id="too large"),
        pytest.param("'size': -1", "something other", id="less than nothing"),
        pytest.param("'size': 'x'", "something other", id="no size"),
    ],
)
def test_results_that_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fields: str, sentence: str) -> None:
    says = f"{ONCE_ASKED}print(json.dumps({{'event': 'file', 'name': 'a.json', {fields}}}), flush=True)\nprint('{{}}')"
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


@pytest.mark.parametrize(
    ("says", "silence", "seconds", "sentence"),
    [
        pytest.param("import time; time.sleep(60)", 0.2, 60, "board has been silent", id="silence after the greeting"),
        pytest.param(
            "import time\nwhile True: time.sleep(0.05); print(json.dumps({'event': 'alive'}), flush=True)",
            0.5,
            0.8,
            "board takes too long to answer",
            id="at work for ever",
        ),
        pytest.param(
            "while True: print(json.dumps({'event': 'alive'}), flush=True)", 60, 60, "no answer", id="pulses alone"
        ),
        pytest.param(
            "import time\nwhile True: time.sleep(0.05); print('x', end='', flush=True)",
            0.2,
            60,
            "silent",
            id="a line without end",
        ),
        pytest.param(
            'print(\'{"event": "done", "seconds": NaN}\')', 60, 60, "that is no message", id="no number in JSON"
        ),
    ],
)
def test_each_answer_has_limits(
    monkeypatch: pytest.MonkeyPatch, says: str, silence: float, seconds: float, sentence: str
) -> None:
    monkeypatch.setattr("deploy.board.patience.SILENCE_SECONDS", silence)
    monkeypatch.setattr(link_module, "MOST_PULSES", 1000)
    with speaker(monkeypatch, says) as link, pytest.raises(EnvironmentFault, match=sentence) as raised:
        link.ask("facts", seconds=seconds)
    assert not isinstance(raised.value, ConnectionLost), "trying again would wait as long again"


def test_a_board_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "SEND_SECONDS", 0.2)
    with (
        speaker(monkeypatch, "import time; time.sleep(60)") as link,
        pytest.raises(EnvironmentFault, match="too long to read"),
    ):
        for _ in range(100):
            link.send(bytes(1 << 16))


FILE = "print(json.dumps({{'event': 'file', 'name': {name}, 'size': 0, 'sha256': hashlib.sha256().hexdigest()}}))\n"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("'a.json'", "sends the result file 'a.json' twice", id="one file for ever"),
        pytest.param("'x%d' % n", "more than 20 files that no result has", id="a million names"),
    ],
)
def test_files_without_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, sentence: str) -> None:
    says = "import hashlib\nfor n in range(10**9): " + FILE.format(name=name)
    with speaker(monkeypatch, says) as link, pytest.raises(DataError, match=sentence):
        fetch(link, "image_result", tmp_path / "out", {"a.json"})


def test_a_result_that_does_not_fit_on_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = event({"event": "file", "name": "a.json", "size": 5000, "sha256": ""})
    says = f"{ONCE_ASKED}{file}\nprint('x' * 5000)"
    with speaker(monkeypatch, says) as link:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            with pytest.raises(OSError, match=r"5000 bytes have to be written.*a\.json"):
                fetch(link, "image_result", tmp_path / "out", {"a.json"})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def items(folder: Path) -> list[Item]:
    for name, content in (("a", b"same"), ("b", b"same"), ("c", b"other")):
        (folder / name).write_bytes(content)
    return [Item.of(name, folder / name) for name in "abc"]


def transfer_to(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any]) -> Transfer:
    """A transfer to a board that gives these answers, whatever it is asked."""
    says = "".join(f"print({json.dumps({'event': 'done', **answer})!r}, flush=True)\n" for answer in answers)
    monkeypatch.setattr(link_module.ssh, "command", lambda *_: [sys.executable, "-c", HELLO + says + WAIT])
    return Transfer("board", [], Wanted())


HELLO = 'import json, sys\nprint(\'{"event": "hello", "protocol": 1}\', flush=True)\n'
WAIT = "sys.stdin.buffer.read()"


def test_progress_does_not_count_past_its_total(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("deploy.console.LIVE_SECONDS", 0.0)
    monkeypatch.setattr("deploy.console.QUIET_SECONDS", 0.0)
    need = {"need": [[0, 2], [1, 2], [2, 0]], "same": ""}
    answers = (need, {"bad": [2, 2, 1]}, {"bad": []}, {"release": "r", "previous": ""})
    with transfer_to(monkeypatch, *answers) as transfer:
        assert transfer.release(items(tmp_path)) == ("r", "", False)
    shown = [line for line in capsys.readouterr().err.splitlines() if " of " in line]
    counts = [tuple(float(word) for word in line.split()[1:5:3]) for line in shown]
    assert counts and all(done <= total for done, total in counts)
    assert transfer.copied.files == 5 and transfer.copied.bytes == 2 + 4 + 5 + 4 + 5


@pytest.mark.parametrize(
    "need",
    [[[0, 0], [0, 0]], [[3, 0]], [[-1, 0]], [[0, 5]], [[0, -1]], [[0, True]], [["0", 0]], [[0]], {"0": 0}, None],
    ids=repr,
)
def test_what_a_board_cannot_ask_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, need: Any) -> None:
    with (
        transfer_to(monkeypatch, {"need": need, "same": ""}) as transfer,
        pytest.raises(DataError, match="asks for files that do not exist"),
    ):
        transfer.release(items(tmp_path))


def test_the_program_for_the_board_says_that_it_is_at_work() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb") as sink, os.fdopen(read, "rb") as source:
        wire = Wire(None, sink)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("deploy.board.remote.pulse.SECONDS", 0.01)
            with Pulse(wire):
                time.sleep(0.15)
            wire.send(event="done")
        sink.close()
        events = [json.loads(line)["event"] for line in source]
    assert events[:2] == ["alive", "alive"] and events[-1] == "done" and events.count("done") == 1
