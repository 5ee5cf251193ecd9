"""What can go wrong on the way to a board, each on the loopback board: one sentence, and nothing lost."""

import hashlib
import json
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests import schemas

Call = Callable[..., tuple[int, str, str]]
MB = 1 << 20


@pytest.fixture
def large_bundle(bundle: Path) -> Path:
    (bundle / "model.om").write_bytes(random.Random(0).randbytes(12 * MB))
    return bundle


@pytest.fixture
def cut(loopback: ModuleType, board: Any) -> Iterator[Callable[..., Any]]:
    """cut(n, ...) -> a port whose first connections end after n bytes of the client each."""
    made = []

    def build(*cuts: int) -> Any:
        made.append(loopback.Cutter(board.port, list(cuts)))
        return made[-1]

    yield build
    for cutter in made:
        cutter.close()


def test_a_broken_connection_is_made_again_and_goes_on(
    call: Call, cut: Callable[..., Any], large_bundle: Path, pushed: Path
) -> None:
    cutter = cut(6 * MB, 5 * MB)
    code, out, err = call("push", "--bundle", large_bundle, "--json", port=cutter.port)
    assert code == 0, err
    copied = json.loads(out)["copied"]
    assert copied["reconnects"] == 2 and cutter.connections == 3
    assert copied["resumed_bytes"] > 4 * MB  # all but what lay between the two
    assert "going on in" in err
    assert (pushed / "current/bundle/model.om").read_bytes() == (large_bundle / "model.om").read_bytes()


def test_a_push_that_gave_up_goes_on_at_the_next_call(
    call: Call, cut: Callable[..., Any], large_bundle: Path, pushed: Path
) -> None:
    code, _, err = call("push", "--bundle", large_bundle, port=cut(8 * MB, 0, 0, 0, 0).port)
    assert code == 5 and "error: " in err
    assert not (pushed / "current").exists()
    code, out, _ = call("push", "--bundle", large_bundle, "--json")
    assert code == 0 and json.loads(out)["copied"]["resumed_bytes"] > 2 * MB


def test_what_is_left_of_a_broken_file_is_checked(call: Call, large_bundle: Path, board: Any, pushed: Path) -> None:
    assert call("push", "--bundle", large_bundle)[0] == 0
    (large_bundle / "model.om").write_bytes(random.Random(1).randbytes(MB))
    digest = hashlib.sha256((large_bundle / "model.om").read_bytes()).hexdigest()
    (pushed / "parts" / digest).write_bytes(b"garbage" * 1000)
    board.give()
    code, out, err = call("push", "--bundle", large_bundle, "--json")
    assert code == 0, err
    assert json.loads(out)["copied"]["files"] == 2  # the second time from its beginning
    assert (pushed / "current/bundle/model.om").read_bytes() == (large_bundle / "model.om").read_bytes()


def test_a_full_disk_is_said_and_leaves_what_runs(call: Call, board: Any, bundle: Path, pushed: Path) -> None:
    assert call("push", "--bundle", bundle)[0] == 0
    before = (pushed / "current").readlink()
    (bundle / "model.om").write_bytes(random.Random(2).randbytes(3 * MB))
    code, _, err = call("push", "--bundle", bundle, port=board.start(largest_file=MB))
    assert code == 5
    assert "disk is full" in err and "model.om" in err and "push again" in err
    assert (pushed / "current").readlink() == before
    code, out, err = call("push", "--bundle", bundle, "--json")
    assert code == 0, err
    assert json.loads(out)["copied"]["resumed_bytes"] == MB


def test_a_file_that_changes_on_the_way_is_not_switched_to(
    call: Call, bundle: Path, pushed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deploy.board.transfer import Transfer

    send = Transfer._send

    def change_first(self: Transfer, number: int, item: Any, *rest: Any) -> None:
        if item.path == "bundle/model.om":
            item.source.write_bytes(b"MO" * 1000)
        send(self, number, item, *rest)

    monkeypatch.setattr(Transfer, "_send", change_first)
    code, _, err = call("push", "--bundle", bundle)
    assert code == 3 and "model.om changed while it was being copied" in err
    assert not (pushed / "current").exists()


@pytest.mark.parametrize(
    ("verb", "known", "key", "sentence"),
    [
        pytest.param("push", "wrong_hosts", "user_key", "has changed", id="another host key"),
        pytest.param("doctor", "no_hosts", "user_key", "not known yet; connect once by hand", id="an unknown host key"),
        pytest.param("push", "known_hosts", "other_key", "nothing here asks for a password", id="a key of no use"),
    ],
)
def test_hosts_and_users_are_checked(
    call: Call, board: Any, bundle: Path, verb: str, known: str, key: str, sentence: str
) -> None:
    arguments = ("--bundle", bundle) if verb == "push" else ()
    code, out, err = call(verb, *arguments, known=known, key=key)
    assert code == 5 and sentence in err and out == ""
    assert (board.folder / "no_hosts").read_text() == ""
    assert not (board.home / "ascend-yolo-slim-pushed").exists()


def test_no_server_at_that_port(call: Call, loopback: ModuleType) -> None:
    code, _, err = call("doctor", port=9)
    assert code == 5 and "refuses the connection" in err


def test_a_board_without_the_sdk_gets_nothing(call: Call, board: Any, bundle: Path, pushed: Path) -> None:
    shutil.rmtree(board.home / "MindX_SDK")
    code, out, err = call("push", "--bundle", bundle)
    assert code == 5 and out == ""
    assert "fault   SDK     no MindX SDK" in err and "is not ready: SDK" in err and "--env" in err
    assert not pushed.exists()
    code, _, err = call("push", "--bundle", bundle, "--force")
    assert code == 0 and "because of --force" in err and (pushed / "current").exists()


@pytest.mark.parametrize(
    ("damage", "level", "check", "found"),
    [
        pytest.param("ok", "ok", "chip", "Ascend310", id="all there"),
        pytest.param("import", "fault", "SDK", "libmxbase.so", id="an SDK that does not import"),
        pytest.param("cann", "fault", "CANN", "no set_env.sh", id="no CANN"),
        pytest.param("chip", "fault", "chip", "no chip", id="no chip"),
        pytest.param("python", "fault", "Python", "does not start", id="no Python of that name"),
    ],
)
def test_doctor(call: Call, board: Any, damage: str, level: str, check: str, found: str) -> None:
    arguments = ["--json"]
    if damage == "import":
        module = board.home / "MindX_SDK/mxVision-5.0.0/python/StreamManagerApi.py"
        module.write_text("raise ImportError('\x1b[31mlibmxbase.so not found')")
    elif damage == "cann":
        shutil.rmtree(board.home / "Ascend")
    elif damage == "chip":
        (board.home / "bin/npu-smi").unlink()
    elif damage == "python":
        arguments += ["--python", "~/no such; touch $HOME/evil"]
    code, out, _ = call("doctor", *arguments)
    answer = json.loads(out)
    schemas.validate(answer, "doctor")
    findings = {finding["check"]: finding for finding in answer["findings"]}
    assert set(findings) == {"chip", "driver", "CANN", "SDK", "Python", "disk", "clock"}
    assert (findings[check]["level"], code) == (level, 0 if level == "ok" else 5)
    assert found in findings[check]["found"] and "\x1b" not in out
    assert answer["ready"] == (level == "ok")
    assert bool(findings[check]["remedy"]) == (level != "ok")
    assert not (board.home / "evil").exists()


def test_the_chip_must_be_the_one_that_the_model_is_for(call: Call, bundle: Path) -> None:
    description = json.loads((bundle / "bundle.json").read_text())
    description["atc"] = [entry.replace("Ascend310", "Ascend310P3") for entry in description["atc"]]
    (bundle / "bundle.json").write_text(json.dumps(description))
    code, _, err = call("push", "--bundle", bundle)
    assert code == 5 and "converted for Ascend310P3" in err and "--soc Ascend310" in err


@pytest.mark.parametrize(
    ("damage", "code", "sentence"),
    [
        pytest.param("onnx", 4, "is not the model that was exported", id="a changed ONNX"),
        pytest.param("om", 4, "is not the model that was built", id="a changed OM"),
        pytest.param("no om", 4, "build.sh", id="no OM"),
        pytest.param("link", 4, "is a link out of the bundle's folder", id="a link to elsewhere"),
    ],
)
def test_bundles_that_are_refused(
    call: Call, bundle: Path, pushed: Path, damage: str, code: int, sentence: str
) -> None:
    if damage == "onnx":
        (bundle / "model.onnx").write_bytes(b"changed")
    elif damage == "om":
        description = json.loads((bundle / "bundle.json").read_text())
        description["files"]["model.om"] = "0" * 64
        (bundle / "bundle.json").write_text(json.dumps(description))
    elif damage == "no om":
        (bundle / "model.om").unlink()
    else:
        (bundle / "labels.names").rename(bundle.parent / "labels.names")
        (bundle / "labels.names").symlink_to(bundle.parent / "labels.names")
    found, _, err = call("push", "--bundle", bundle)
    assert found == code and sentence in err
    assert not pushed.exists()


def test_a_run_that_fails_there_says_why_and_is_not_gone_back_to(
    call: Call, board: Any, bundle: Path, tmp_path: Path, image: Callable[..., bytes], pushed: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(image([], []))
    (tmp_path / "set.txt").write_text("a\n")
    run = ("--run", "detect", tmp_path / "set.txt", tmp_path, "--no-compare", "--json")
    code, out, _ = call("push", "--bundle", bundle, *run)
    good = json.loads(out)["release"]
    assert code == 0
    pipeline = (bundle / "detect.pipeline").read_text()
    text = json.loads(pipeline)
    text["detection"]["refused"] = {}
    (bundle / "detect.pipeline").write_text(json.dumps(text, indent=1))
    code, out, err = call("push", "--bundle", bundle, *run)
    assert code == 4 and "6015" in err and "the run on" in err and out == ""
    (bundle / "detect.pipeline").write_text(json.dumps(text, indent=2))
    assert call("push", "--bundle", bundle)[0] == 0  # one more after it does not push the good one out
    assert json.loads((tmp_path / "push_result/push.json").read_text())["release"] == good  # untouched
    code, out, _ = call("push", "--rollback", "--json")
    assert code == 0 and json.loads(out)["release"] == good


def test_a_run_ends_with_the_connection(
    call: Call, cut: Callable[..., Any], board: Any, bundle: Path, tmp_path: Path, image: Callable[..., bytes]
) -> None:
    (tmp_path / "a.jpg").write_bytes(image([], []))
    (tmp_path / "set.txt").write_text("a\n")
    started = board.home / "started"
    module = board.home / "MindX_SDK/mxVision-5.0.0/python/StreamManagerApi.py"
    written = f"{started}.new"  # which is there whole or not at all
    hang = f"open({written!r}, 'w').write(str(os.getpid())); os.rename({written!r}, {str(started)!r}); time.sleep(100)"
    begin = "    def InitManager(self, argStrings=None):\n"
    assert begin in module.read_text()
    module.write_text("import os, time\n" + module.read_text().replace(begin, f"{begin}        {hang}\n"))
    cutter = cut()

    def cut_when_started() -> None:
        until = time.monotonic() + 30
        while not started.exists() and time.monotonic() < until:
            time.sleep(0.05)
        cutter.close()

    threading.Thread(target=cut_when_started).start()
    run = ("--run", "detect", tmp_path / "set.txt", tmp_path)
    code, out, err = call("push", "--bundle", bundle, *run, port=cutter.port)
    assert code == 5 and "the connection to" in err and "broke" in err and out == ""
    process, until = Path("/proc") / started.read_text(), time.monotonic() + 20
    while process.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not process.exists()
    assert not (tmp_path / "push_result").exists()


def test_only_a_release_that_is_there_unchanged_is_gone_back_to(call: Call, bundle: Path, pushed: Path) -> None:
    assert call("push", "--bundle", bundle)[0] == 0
    code, _, err = call("push", "--rollback")
    assert code == 5 and "no release to go back to" in err
    (bundle / "model.om").write_bytes(b"second")
    assert call("push", "--bundle", bundle)[0] == 0
    (pushed / "previous/bundle/model.om").write_bytes(b"edited")
    code, _, err = call("push", "--rollback")
    assert code == 3 and "was changed on the board" in err


def test_a_file_that_was_changed_there_is_replaced(call: Call, bundle: Path, pushed: Path) -> None:
    assert call("push", "--bundle", bundle)[0] == 0
    (pushed / "current/bundle/model.om").write_bytes(b"edited")
    code, out, _ = call("push", "--bundle", bundle, "--json")
    assert code == 0 and json.loads(out)["copied"]["files"] == 1
    assert (pushed / "current/bundle/model.om").read_bytes() == b"om" * 1000


def test_somebody_elses_folder_is_left_alone(call: Call, board: Any, bundle: Path) -> None:
    (board.home / "mine").mkdir()
    (board.home / "mine/letter.txt").write_text("x")
    code, _, err = call("push", "--bundle", bundle, "--dir", "mine")
    assert code == 2 and "was not made by push" in err
    assert [path.name for path in (board.home / "mine").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["--run", "train", "x"], "--run 'train'", id="no such verb"),
        pytest.param(["--run", "eval", "x", "y"], "expected VOCDEVKIT", id="too many arguments"),
        pytest.param(["--rollback", "--run", "eval", "x"], "--rollback cannot be combined", id="two things at once"),
        pytest.param(["--ssh-option", "StrictHostKeyChecking=no"], "cannot be changed", id="no host check"),
        pytest.param(["--ssh-option", "BatchMode no"], "cannot be changed", id="asking for passwords"),
        pytest.param(["--ssh-option=-oProxyCommand=x"], "expected KEY=VALUE", id="an option of ssh itself"),
        pytest.param(["--match-iou", "2"], "--match-iou 2", id="an IoU above 1"),
        pytest.param(["--dir", "a\nb"], "expected a path", id="a line feed in a path"),
    ],
)
def test_wrong_usage(call: Call, bundle: Path, arguments: list[str], sentence: str) -> None:
    code, _, err = call("push", "--bundle", bundle, *arguments)
    assert code == 2 and sentence in err
