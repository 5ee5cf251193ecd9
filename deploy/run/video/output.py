"""Where frames with boxes go: lines of JSON, a video file, a window."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TextIO

from deploy.console import note
from deploy.errors import EnvironmentFault, UsageError
from deploy.results.detections import Detection
from deploy.results.draw import draw_on
from deploy.temporary import temporary_folder
from deploy.video.frames import Frame
from deploy.video.source import VideoSource
from deploy.video.video_file import VideoFile

_QUIT = (27, ord("q"))
_WINDOW = "ascend-yolo-slim"


class Lines:
    """A line of JSON for each frame: {"frame", "time", "objects": [{"class", "class_id", "confidence", "box"}]}.

    The time is in seconds, boxes are corners in pixels of the frame. One that failed has "fault" in place of objects.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def add(self, frame: Frame, objects: Sequence[Detection], fault: str) -> None:
        if self._stream is None:
            return
        entry: dict[str, Any] = {"frame": frame.number, "time": round(frame.seconds, 4)}
        if fault:
            entry["fault"] = fault
        else:
            entry["objects"] = [
                {"class": o.name, "class_id": o.class_id, "confidence": o.confidence, "box": [o.x0, o.y0, o.x1, o.y1]}
                for o in objects
            ]
        try:
            print(json.dumps(entry), file=self._stream, flush=True)
        except OSError as gone:
            self._stream = None
            note(f"the lines end here ({gone.strerror}); the run goes on without them")


class SavedVideo:
    """A video file with the boxes drawn in, whole or not there: it gets its name when it is finished.

    Raises UsageError for a name that is no .mp4 and for the very file that is read, EnvironmentFault where cv2 writes
    none.
    """

    def __init__(self, path: Path, rate: float, source: VideoSource) -> None:
        if path.suffix.lower() != ".mp4":
            raise UsageError(f"--save {path}: expected a file that ends in .mp4")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"--save {path}: there is no folder {path.absolute().parent}")
        if path.exists() and not path.is_file():
            raise UsageError(f"--save {path}: exists and is no file; expected a new file or one to replace")
        if path.exists() and not source.live and path.samefile(source.place):
            raise UsageError(f"--save {path}: is the very video that is read; expected another file")
        self._path = path.absolute()
        self._stack = ExitStack()
        self._partial = self._stack.enter_context(temporary_folder(self._path)) / "video.mp4"
        self._file = VideoFile(self._partial, rate, path)

    def add(self, pixels: Any) -> None:
        self._file.add(pixels)

    def finish(self) -> bool:
        """Give the file its name. False where no frame came. Raises ReportedError where the disk could not take all."""
        if not self._file.frames:
            return False
        self._file.finish()
        self._partial.replace(self._path)
        return True

    def close(self) -> None:
        self._file.close()
        self._stack.close()


class Window:
    """A window with the frames. Raises EnvironmentFault where there is no display or cv2 cannot open windows."""

    def __init__(self) -> None:
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise EnvironmentFault("--show needs a display, and there is none here; --save FILE.mp4 keeps the frames")
        import cv2

        try:
            cv2.namedWindow(_WINDOW, cv2.WINDOW_NORMAL)
        except cv2.error:
            raise EnvironmentFault("--show needs a cv2 with windows; opencv-python-headless has none") from None

    def add(self, pixels: Any) -> bool:
        """Show a frame. False once q or Esc was pressed."""
        import cv2

        cv2.imshow(_WINDOW, pixels)
        return (cv2.waitKey(1) & 0xFF) not in _QUIT

    def close(self) -> None:
        import cv2

        with suppress(cv2.error):
            cv2.destroyWindow(_WINDOW)


def drawn(frame: Frame, objects: Sequence[Detection]) -> Any:
    """The frame's own pixels with boxes and labels in them."""
    draw_on(frame.pixels, objects)
    return frame.pixels
