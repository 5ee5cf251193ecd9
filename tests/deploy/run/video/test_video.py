"""Videos, cameras and streams: which frames come out, what is dropped, what happens when a source breaks or ends."""

import json
import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.cli import main
from deploy.errors import EnvironmentFault, ReportedError
from deploy.video.frames import open_frames
from deploy.video.source import video_source
from deploy.video.video_file import VideoFile

Call = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """call(arguments of detect) -> exit code, the lines on stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, list[dict[str, Any]], str]:
        code = main(["detect", *map(str, arguments)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, [json.loads(line) for line in printed.out.splitlines()], printed.err

    return run


@pytest.fixture
def video(tmp_path: Path, blob_image: Callable[..., np.ndarray]) -> Path:
    """Seven frames at 10 a second; a red blob moves one cell to the right in each."""
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (128, 128))
    for column in range(7):
        writer.write(blob_image([(column, 2, 0)]))
    writer.release()
    return path


def test_every_frame_of_a_file(call: Call, video: Path, tiny_bundle: Callable[..., Path], tmp_path: Path) -> None:
    code, lines, err = call(video, "--model", tiny_bundle(), "--save", tmp_path / "out.mp4")
    assert code == 0, err
    assert [line["frame"] for line in lines] == list(range(7))
    assert [line["time"] for line in lines] == [pytest.approx(number / 10) for number in range(7)]
    for column, line in enumerate(lines):
        (found,) = line["objects"]
        assert found["class"] == "red" and found["box"] == pytest.approx([16 * column, 32, 16 * column + 16, 48], abs=3)
    assert "7 frames in" in err and "0 dropped" in err and "p99 = " in err and "mxpi_tensorinfer0 = " in err
    saved = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert saved.get(cv2.CAP_PROP_FRAME_COUNT) == 7 and saved.get(cv2.CAP_PROP_FPS) == 10
    assert [entry.name for entry in tmp_path.iterdir() if "new" in entry.name] == []


def test_json_is_the_summary_alone(call: Call, video: Path, tiny_bundle: Callable[..., Path]) -> None:
    code = call(video, "--model", tiny_bundle(), "--frames", 3)[0]
    assert code == 0
    main_code, lines, _ = call(video, "--model", "bundle", "--json")
    (report,) = [json.loads("".join(json.dumps(line) for line in lines))]
    assert main_code == 0 and report["frames"] == 7 and report["objects"] == {"red": 7} and not report["live"]


def test_a_camera_is_read_to_its_end(
    call: Call, camera: Any, tiny_bundle: Callable[..., Path], blob_image: Callable[..., np.ndarray]
) -> None:
    camera.scripts, camera.pause = [[blob_image([(1, 1, 1)])] * 40], 0.005
    code, lines, err = call("camera:0", "--model", tiny_bundle())
    assert code == 0 and "has ended: it did not come back" in err
    numbers = [line["frame"] for line in lines]
    assert numbers == sorted(set(numbers)) and numbers[-1] == 39  # the newest is never lost
    dropped = int(err.split(" dropped")[0].split()[-1])
    assert len(lines) + dropped == 40 and camera.opened == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [("camera:0", "is there a /dev/video0"), ("rtsp://u:secret@h/1", r"rtsp://\*\*\*@h/1 cannot be opened")],
    ids=["a camera", "a stream"],
)
def test_what_cannot_be_opened(call: Call, camera: Any, text: str, words: str) -> None:
    source = video_source(text)
    assert source
    with pytest.raises(EnvironmentFault, match=words), open_frames(source):
        pass
    code, _, err = call(text)
    assert code == 5 and "secret" not in err and err.count("error: ") == 1


def test_ctrl_c_ends_a_camera_and_keeps_the_video(
    call: Call, camera: Any, tiny_bundle: Callable[..., Path], blob_image: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    camera.scripts, camera.pause = [[blob_image([(1, 1, 1)])] * 2000], 0.01
    main_thread = threading.main_thread().ident
    assert main_thread
    timer = threading.Timer(1.5, lambda: signal.pthread_kill(main_thread, signal.SIGINT))
    timer.start()
    code, lines, err = call("/dev/video0", "--model", tiny_bundle(), "--save", "out.mp4")
    assert code == 130 and "interrupted" in err and "out.mp4 holds them" in err
    assert (tmp_path / "out.mp4").read_bytes()[4:8] == b"ftyp" and lines


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["a.avi", "--save", "a.txt"], 2, "expected a file that ends in .mp4", id="another suffix"),
        pytest.param(["a.avi", "--save", "none/a.mp4"], 2, "there is no folder", id="no folder"),
        pytest.param(["a.avi", "--save", "folder.mp4"], 2, "exists and is no file", id="a folder of that name"),
        pytest.param(["own.mp4", "--save", "own.mp4"], 2, "is the very video that is read", id="the source itself"),
        pytest.param(["own.mp4", "--save", "link.mp4"], 2, "is the very video that is read", id="a link to the source"),
        pytest.param(["pipe.mp4"], 3, "it is not a regular file", id="a pipe that nobody writes to"),
        pytest.param(["a.avi", "--show"], 5, "--show needs a display", id="no display"),
        pytest.param(["none.mp4"], 3, "none.mp4 cannot be read: No such file", id="no file"),
        pytest.param([".", "--save", "a.mp4"], 2, "--save is for a video", id="images are not saved as a video"),
        pytest.param(["broken.mp4"], 3, "cannot be decoded", id="a broken file"),
    ],
)
def test_wrong_calls(
    call: Call, video: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    Path("broken.mp4").write_bytes(b"\0\0\0\x1cftypisom" + bytes(100))
    Path("own.mp4").symlink_to("a.avi")
    Path("link.mp4").symlink_to("own.mp4")
    Path("folder.mp4").mkdir()
    os.mkfifo("pipe.mp4")
    found, _, err = call(*arguments)
    assert found == code and words in err and err.count("error: ") == 1


def test_names_that_are_no_utf_8(call: Call, video: Path, tiny_bundle: Callable[..., Path], tmp_path: Path) -> None:
    """cv2 ends the whole process of such a name, read or written."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system has UTF-8 names alone")
    video.rename(folder / video.name)
    code, lines, err = call(folder / video.name, "--model", tiny_bundle(), "--save", folder / "out.mp4")
    assert code == 0 and len(lines) == 7, err
    assert (folder / "out.mp4").read_bytes()[4:8] == b"ftyp"
    assert sorted(path.name for path in folder.iterdir()) == [video.name, "out.mp4"]
    assert call(f"rtsp://host/{folder.name}")[0] == 3


def test_a_video_that_the_disk_cannot_take_is_none(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = VideoFile(tmp_path / "a.mp4", 10.0, "a.mp4")
    noise = np.random.default_rng(0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        for _ in range(30):
            file.add(noise.integers(0, 255, (128, 128, 3), np.uint8))
        with pytest.raises(ReportedError, match=r"a\.mp4 could not be written: its 30 frames are not all"):
            file.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
