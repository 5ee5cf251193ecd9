"""Drawing with several processes: the same bytes, and whole or not at all."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compress.codes.make_codes import make_codes
from compute_mAP.voc_devkit import find_devkit
from compute_mAP.voc_xml import read_annotation
from deploy.errors import ReportedError

ROOT = Path(__file__).resolve().parents[3]
SIZE = (96, 72)
IMAGES = 9


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("hardness", ["easy", "real"])
def test_same_bytes_with_any_number_of_workers(tmp_path: Path, hardness: str) -> None:
    seen: list[int] = []
    one = make_codes(tmp_path / "one", IMAGES, seed=2, hardness=hardness, size=SIZE)
    two = make_codes(tmp_path / "two", IMAGES, seed=2, hardness=hardness, size=SIZE, workers=2, on_image=seen.append)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert (one.images, one.objects, one.difficult) == (two.images, two.objects, two.difficult)
    assert seen == list(range(1, IMAGES + 1))


def test_real_devkit_is_a_voc_devkit(tmp_path: Path) -> None:
    report = make_codes(tmp_path / "kit", 60, seed=1, hardness="real", sides=(64, 200))
    kit = find_devkit(tmp_path / "kit")
    sizes, difficult, objects = set(), 0, 0
    for file in kit.annotations.iterdir():
        annotation = read_annotation(file)
        assert annotation.faults == []
        sizes.add((annotation.width, annotation.height))
        difficult += sum(each.difficult for each in annotation.objects)
        objects += len(annotation.objects)
    assert difficult == report.difficult > 0
    assert objects == sum(report.objects.values())
    assert len(sizes) > 10
    assert all(64 <= side <= 200 for size in sizes for side in size)


def test_a_process_that_dies_leaves_nothing(tmp_path: Path) -> None:
    def kill_one(done: int) -> None:
        if done == 1:
            os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGTERM)

    with pytest.raises(ReportedError, match="a process that draws images has died"):
        make_codes(tmp_path / "out", 2000, size=SIZE, workers=2, on_image=kill_one)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one console program there")
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_leaves_nothing(tmp_path: Path, workers: int) -> None:
    command = [sys.executable, "-m", "compress", "data", "codes", "--out", str(tmp_path / "out"), "--images", "5000"]
    command += ["--hardness", "real", "--size", "96x72", "--workers", str(workers)]
    # As a terminal does it: the whole group of processes gets the signal.
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 60
    while not list(tmp_path.glob("*/fresh/VOC2007/JPEGImages/*.jpg")):
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_between_leaves_nothing_and_nobody(tmp_path: Path) -> None:
    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        make_codes(tmp_path / "out", 2000, size=SIZE, workers=2, on_image=stop)
    # `caught` keeps the frames alive, so that only closing the generator can have ended the processes.
    assert caught.traceback
    assert multiprocessing.active_children() == []
    assert list(tmp_path.iterdir()) == []
