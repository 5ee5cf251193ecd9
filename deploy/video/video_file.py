"""A video file that is written frame by frame, and is looked at in the end: cv2 says nothing of a disk that is full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploy.errors import EnvironmentFault, ReportedError
from deploy.plain_name import plain_name


class VideoFile:
    """An .mp4 at `path`, where nothing is yet, with `rate` frames a second; `title` is what errors call it.

    All frames get the size of the first one. Needs cv2.
    """

    def __init__(self, path: Path, rate: float, title: object) -> None:
        self._path, self._rate, self._title = path, rate, title
        self._writer: Any = None
        self._size = (0, 0)
        self.frames = 0

    def add(self, pixels: Any) -> None:
        """Another frame, uint8 [h, w, 3] in BGR. Raises EnvironmentFault where cv2 writes no MP4."""
        import cv2

        size = (pixels.shape[1], pixels.shape[0])
        if self._writer is None:
            self._size = size
            with plain_name(self._path) as name:
                self._writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*"mp4v"), self._rate, size)
            if not self._writer.isOpened():
                raise EnvironmentFault(f"cv2 cannot write the video {self._title}; is FFmpeg in this build of it?")
        self._writer.write(pixels if size == self._size else cv2.resize(pixels, self._size))
        self.frames += 1

    def finish(self) -> None:
        """Close the file. Raises ReportedError where it is not whole."""
        self.close()
        if not _is_whole(self._path):
            raise ReportedError(
                f"the video {self._title} could not be written: its {self.frames} frames are not all there; is the "
                "disk full?"
            )

    def close(self) -> None:
        """Close the file, whatever is in it."""
        if self._writer is not None:
            self._writer.release()
        self._writer = None


def _is_whole(path: Path) -> bool:
    """Whether a file is MP4 boxes from end to end, with the index among them, which is written last.

    A box is its size in 4 bytes, or in 8 behind a 1, its name and its content (ISO/IEC 14496-12, 4.2).
    """
    try:
        size = path.stat().st_size
        place, names = 0, set()
        with path.open("rb") as file:
            while place < size:
                file.seek(place)
                head = file.read(16)
                length = int.from_bytes(head[:4], "big")
                length = int.from_bytes(head[8:], "big") if length == 1 else length
                if length < 8:
                    return False
                names.add(head[4:8])
                place += length
        return place == size and b"moov" in names
    except OSError:
        return False
