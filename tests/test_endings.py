"""How commands end that are stopped, or that nobody listens to: their own code, one sentence, and nothing lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(
    ("command", "module", "sentence"),
    [
        pytest.param(["compress", "prune", "--weights", "w", "--out", "o"], "argparse", "", id="prune, at once"),
        pytest.param(["compress", "val", "--weights", "w", "--data", "d"], "numpy", "is untouched", id="val, at numpy"),
        pytest.param(["compress", "lint", "x.onnx"], "onnx", "is untouched", id="lint, at onnx"),
        pytest.param(["compress", "train", "--data", "d"], "torch", "with --resume", id="train, at torch"),
        pytest.param(["compress", "iterate", "--weights", "w", "--data", "d"], "numpy", "", id="iterate"),
        pytest.param(["deploy", "speed", "s", "d"], "argparse", "", id="speed, at once"),
        pytest.param(["deploy", "check", "x"], "json", "", id="check"),
    ],
)
def test_interrupted_while_modules_are_imported(tmp_path: Path, command: list[str], module: str, sentence: str) -> None:
    words = [sys.executable, "-X", "importtime", "-m", *command]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("import time:") and line.rpartition("|")[2].strip().partition(".")[0] == module:
            process.send_signal(signal.SIGINT)
            break
    said = [line for line in process.stderr.read().splitlines() if not line.startswith("import time:")]
    process.wait(60)
    ended = [line for line in said if line.startswith("interrupted")]
    if not ended and any(line.startswith("error: ") for line in said) and process.returncode in (2, 3, 4):
        pytest.skip("it had ended before the signal came")
    assert process.returncode == 130 and len(ended) == 1 and sentence in ended[0], said
    assert not any("Traceback" in line for line in said), said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("nohup", [False, True], ids=["as it is", "where SIGINT and SIGHUP are ignored"])
def test_other_signals_end_it_as_ctrl_c_does(tmp_path: Path, number: signal.Signals, nohup: bool) -> None:
    (tmp_path / "main_of_test.py").write_text(
        "import time\n\ndef main():\n    print('at work', flush=True)\n    time.sleep(0.3 if IGNORED else 60)\n"
        "    return 0\n".replace("IGNORED", str(nohup and number is signal.SIGHUP))
    )
    code = "import sys; from deploy.program import run_program; sys.exit(run_program('main_of_test'))"
    ignored = "import signal; [signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGHUP)]; "
    words = [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {[str(ROOT), str(tmp_path)]}; "]
    # the tests themselves may run under nohup
    heeded = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    words[-1] += (ignored if nohup else heeded) + code
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "at work\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    expected = (0, "") if nohup and number is signal.SIGHUP else (128 + number, "interrupted\n")
    assert (process.returncode, said) == expected


@pytest.fixture
def images(tmp_path: Path) -> Path:
    names = [f"p{i}" for i in range(12)]
    for name in names:
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), np.full((64, 64, 3), 90, np.uint8))
    (tmp_path / "set.txt").write_text("\n".join(names))
    return tmp_path


def detect(images: Path, stdout: int, close: Callable[[], None] = lambda: None) -> tuple[int, str]:
    words = [sys.executable, "-m", "deploy", "detect", "set.txt", ".", "--on", "host", "--out", "o"]
    process = subprocess.Popen(words, cwd=images, env=ENVIRONMENT, stdout=stdout, stderr=subprocess.PIPE, text=True)
    close()
    _, said = process.communicate(timeout=120)
    return process.returncode, said


@pytest.mark.parametrize("kind", ["closed pipe", "full disk"])
def test_nobody_reads_the_lines(images: Path, kind: str) -> None:
    if kind == "full disk":
        if not Path("/dev/full").exists():
            pytest.skip("there is no /dev/full here")
        handle = os.open("/dev/full", os.O_WRONLY)
    else:
        read, handle = os.pipe()
        os.close(read)
    code, said = detect(images, handle, lambda: os.close(handle))
    assert code == 1 and "Traceback" not in said and "Exception ignored" not in said, said
    assert "the run goes on without them" in said
    assert ("stdout: No space left" in said) == (kind == "full disk")
    assert len(list((images / "o/image_result").glob("*.jpg"))) == 12


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9 \x1b[31m"
    try:
        os.mkdir(folder)  # noqa: PTH102  pathlib takes no bytes
    except OSError:
        pytest.skip("this file system has UTF-8 names alone")
    place = Path(os.fsdecode(folder))
    cv2.imwrite(str(tmp_path / "p.jpg"), np.full((64, 64, 3), 90, np.uint8))
    (tmp_path / "p.jpg").rename(place / "p.jpg")
    (place / "set.txt").write_text("p\n")
    for arguments in (["--json"], []):
        words = [sys.executable, "-m", "deploy", "detect", "set.txt", ".", "--on", "host", *arguments]
        done = subprocess.run(words, cwd=place, env=ENVIRONMENT, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in done.stdout + done.stderr and b"Traceback" not in done.stderr
        assert b"caf\\udce9 \\u001b[31m" in done.stdout
    assert (place / "image_result/p.jpg").is_file()
