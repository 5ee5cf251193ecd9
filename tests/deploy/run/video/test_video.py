"""Videos, cameras and streams: which frames come out, what is dropped, what happens when a source breaks or ends."""

import itertools
import json
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.cli import main
from deploy.errors import DataError, EnvironmentFault
from deploy.run.video import frames as frames_module
from deploy.run.video.frames import LiveFrames, open_frames
from deploy.run.video.source import CAMERA, FILE, RTSP, VideoSource, video_source

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


class Capture:
    """Stands for cv2.VideoCapture: each opening takes the next list of `scripts`: images, None for a read that fails;
    an empty list does not open."""

    scripts: Sequence[Sequence[Any]] = ()
    opened = 0
    pause = 0.0

    def __init__(self, *arguments: Any) -> None:
        scripts = type(self).scripts
        self._images = iter(scripts[type(self).opened] if type(self).opened < len(scripts) else [])
        self._first = next(self._images, None)
        type(self).opened += 1

    def isOpened(self) -> bool:
        return self._first is not None

    def set(self, *_: Any) -> bool:
        return True

    def get(self, name: int) -> float:
        return 30.0 if name == cv2.CAP_PROP_FPS else 0.0

    def read(self) -> tuple[bool, Any]:
        time.sleep(self.pause)
        image, self._first = self._first, None
        if image is None:
            image = next(self._images, None)
        return image is not None, image

    def release(self) -> None:
        self._images = iter(())


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A capture of our own, with short pauses before it is opened again."""
    made = type("Made", (Capture,), {})
    monkeypatch.setattr(cv2, "VideoCapture", made)
    monkeypatch.setattr(frames_module, "PAUSES", (0.01, 0.02, 0.04))
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("camera:2", VideoSource(CAMERA, "2"), id="a camera by number"),
        pytest.param("/dev/video0", VideoSource(CAMERA, "0"), id="a camera by its device"),
        pytest.param("rtsp://u:p@h/1", VideoSource(RTSP, "rtsp://u:p@h/1"), id="a stream"),
        pytest.param("0", None, id="a number alone may be a folder"),
        pytest.param("images", None, id="a folder"),
        pytest.param("a.jpg", None, id="an image"),
    ],
)
def test_sources_are_told_apart(text: str, expected: VideoSource | None) -> None:
    assert video_source(text) == expected
    assert video_source("0", numbers=True) == VideoSource(CAMERA, "0")


def test_passwords_are_not_shown() -> None:
    assert str(VideoSource(RTSP, "rtsp://user:secret@10.0.0.1/live")) == "rtsp://***@10.0.0.1/live"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"#EXTM3U\nfile:///etc/passwd\n", id="a playlist"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", id="a list of files"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_ffmpeg_would_follow_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(DataError, match="is no video: it begins with"):
        video_source(str(tmp_path / "a.mp4"))


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


def test_a_slow_reader_gets_the_newest_frames(camera: Any) -> None:
    camera.scripts, camera.pause = [[np.full((40, 40, 3), n, np.uint8) for n in range(50)]], 0.002
    frames = LiveFrames(VideoSource(CAMERA, "0"))
    seen = []
    while (frame := frames.next(wait=True)) is not None:
        seen.append(frame.number)
        assert time.perf_counter() - frame.captured < 0.2
        time.sleep(0.02)
    frames.close()
    assert seen[-1] == 49 and len(seen) + frames.dropped == 50 and frames.dropped > 20


def test_a_stream_that_breaks_twice_comes_back(camera: Any) -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    camera.scripts, camera.pause = [[image] * 3, [], [image] * 2, [image] * 4], 0.01
    with open_frames(VideoSource(RTSP, "rtsp://x/1")) as frames:
        numbers = [frame.number for frame in iter(lambda: frames.next(wait=True), None)]
    assert frames.reconnected == 2 and frames.ended
    assert len(numbers) + frames.dropped == 9 and numbers[-1] == 8


def test_pauses_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = frames_module.PAUSES
    assert all(one < other for one, other in itertools.pairwise(pauses)) and sum(pauses) < 60


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
    found, _, err = call(*arguments)
    assert found == code and words in err and err.count("error: ") == 1


def test_an_h264_byte_stream_is_a_file_too(tmp_path: Path) -> None:
    from tests.deploy.host.h264 import key_image, parameter_sets

    grey = np.full((128, 128), 100, np.uint8)
    half = np.full((64, 64), 128, np.uint8)
    units = [parameter_sets(128, 128), *(key_image(grey, half, half, number) for number in range(3))]
    (tmp_path / "a.h264").write_bytes(b"".join(units))
    source = video_source(str(tmp_path / "a.h264"))
    assert source and source.kind == FILE
    with open_frames(source) as frames:
        assert len(list(iter(lambda: frames.next(wait=True), None))) >= 1 and frames.dropped == 0
