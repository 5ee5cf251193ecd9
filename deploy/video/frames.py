"""Frames of a source: all of a file's, and of a live one the newest that there is."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from deploy.console import note
from deploy.errors import DataError, EnvironmentFault
from deploy.plain_name import plain_name
from deploy.video.source import CAMERA, RTSP, VideoSource

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further try to open a live source that broke; after the last of them it has ended."""
TIMEOUT_MS = 8000
"""For an address that does not answer, or sends nothing more."""
USUAL_RATE = 25.0


class Frame(NamedTuple):
    """`number` counts all frames of the source from 0, dropped ones too; `seconds` is the time in the file, or since
    the live source was opened; `captured` is time.perf_counter() when the frame was there; `pixels` uint8 [h, w, 3] in
    BGR."""

    number: int
    seconds: float
    captured: float
    pixels: Any


class Frames(Protocol):
    """`rate` is in frames a second; `dropped` frames were read and not given out; `reconnected` counts."""

    rate: float
    dropped: int
    reconnected: int

    def next(self, wait: bool) -> Frame | None:
        """The next frame. None at the end (`ended` is then true) and, without `wait`, where there is none yet."""

    ended: bool

    def close(self) -> None: ...


@contextmanager
def open_frames(source: VideoSource) -> Iterator[Frames]:
    """The frames of a source. Raises DataError for a file that does not decode, EnvironmentFault for a camera or
    stream that cannot be opened and where cv2 is missing."""
    frames: Frames = LiveFrames(source) if source.live else FileFrames(source)
    try:
        yield frames
    finally:
        frames.close()


class FileFrames:
    """Every frame of a file, in order, none dropped."""

    dropped = reconnected = 0

    def __init__(self, source: VideoSource) -> None:
        self._capture = _opened(source)
        if self._capture is None:
            raise DataError(f"the video {source} cannot be decoded")
        self.rate = _rate(self._capture)
        self.ended = False
        self._number = 0
        self._source = source

    def next(self, wait: bool) -> Frame | None:
        read, pixels = self._capture.read()
        if not read:
            self.ended = True
            if not self._number:
                raise DataError(f"the video {self._source} holds no frame that can be decoded")
            return None
        number = self._number
        self._number += 1
        return Frame(number, number / self.rate, time.perf_counter(), pixels)

    def close(self) -> None:
        self._capture.release()


class LiveFrames:
    """The newest frame of a camera or stream: a thread reads on whatever happens, and what nobody took is dropped."""

    def __init__(self, source: VideoSource) -> None:
        self._source = source
        self._capture = _opened(source)
        if self._capture is None:
            raise EnvironmentFault(f"{source} cannot be opened{_hint(source)}")
        self.rate = _rate(self._capture)
        self.dropped = self.reconnected = 0
        self.ended = False
        self._newest: Frame | None = None
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="deploy.run.video", daemon=True)
        self._thread.start()

    def next(self, wait: bool) -> Frame | None:
        with self._changed:
            while wait and self._newest is None and not self.ended:
                self._changed.wait(0.5)  # in steps, so that Ctrl-C gets through
            frame, self._newest = self._newest, None
            return frame

    def close(self) -> None:
        self._stopping.set()
        self._thread.join(TIMEOUT_MS / 1000 + 1)

    def _read(self) -> None:
        start, number = time.perf_counter(), 0
        try:
            while not self._stopping.is_set():
                read, pixels = self._next_image()
                if not read:
                    if not self._open_again():
                        return
                    continue
                now = time.perf_counter()
                with self._changed:
                    self.dropped += self._newest is not None
                    self._newest = Frame(number, now - start, now, pixels)
                    self._changed.notify_all()
                number += 1
        finally:
            with suppress(Exception):
                self._capture.release()
            with self._changed:
                self.ended = True
                self._changed.notify_all()

    def _next_image(self) -> tuple[bool, Any]:
        try:
            read, pixels = self._capture.read()
        except Exception as fault:  # cv2.error; nothing of it may end the thread without a word
            note(f"{self._source}: {fault}")
            return False, None
        return bool(read) and pixels is not None, pixels

    def _open_again(self) -> bool:
        """After growing pauses; False where it does not come back."""
        self._capture.release()
        for pause in PAUSES:
            note(f"{self._source} gives no frames; opening it again in {pause:g} s")
            if self._stopping.wait(pause):
                return False
            capture = _opened(self._source)
            if capture is not None:
                self._capture = capture
                self.reconnected += 1
                return True
        note(f"{self._source} has ended: it did not come back within {sum(PAUSES):.0f} s")
        return False


def _opened(source: VideoSource) -> Any:
    """A capture that is open, or None. Raises EnvironmentFault where cv2 is missing."""
    try:
        import cv2
    except ImportError as fault:
        raise EnvironmentFault(f"videos and cameras are read by cv2, which cannot be imported ({fault})") from None
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what matters is said here, and without passwords
    with suppress(AttributeError):  # not in every cv2
        cv2.utils.logging.setLogLevel(0)
    try:
        if source.kind == CAMERA:
            capture = cv2.VideoCapture(int(source.place), cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the driver's queue would only be lag
        elif source.kind == RTSP:
            capture = cv2.VideoCapture(source.place, cv2.CAP_FFMPEG, _timeouts(cv2))
        else:
            with plain_name(Path(source.place)) as name:
                capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG)
    except cv2.error:
        return None
    if capture.isOpened():
        return capture
    capture.release()
    return None


def _timeouts(cv2: Any) -> list[int]:
    names = ("CAP_PROP_OPEN_TIMEOUT_MSEC", "CAP_PROP_READ_TIMEOUT_MSEC")
    return [part for name in names if hasattr(cv2, name) for part in (getattr(cv2, name), TIMEOUT_MS)]


def _rate(capture: Any) -> float:
    import cv2

    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if 1 <= rate <= 1000 else USUAL_RATE


def _hint(source: VideoSource) -> str:
    if source.kind == CAMERA:
        return f"; is there a /dev/video{source.place}, may this user read it, and is no other program using it?"
    return "; check the address, the user's name and password, and that the network leads there"
