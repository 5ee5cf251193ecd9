"""What a video source is: a file, a camera or an RTSP stream, told apart by how it is written."""

from __future__ import annotations

import re
from pathlib import Path
from stat import S_ISCHR
from typing import NamedTuple

from compute_mAP.regular_file import open_regular
from deploy.errors import DataError
from deploy.plain_name import is_utf8

FILE, CAMERA, RTSP = "a video file", "a camera", "an RTSP stream"
SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".h264", ".264", ".h265", ".265", ".hevc")
_CAMERA = re.compile(r"camera:(\d{1,3})|/dev/video(\d{1,3})")
_SECRET = re.compile(r"(?<=//)[^/@]*:[^/@]*@")
_BEGINNINGS = (b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75", b"\x00\x00\x01", b"\x00\x00\x00\x01", b"G")


class VideoSource(NamedTuple):
    """`kind` is one of the three, `place` a path, the camera's number as digits, or an address."""

    kind: str
    place: str

    @property
    def live(self) -> bool:
        """Whether it goes on whether somebody looks or not."""
        return self.kind != FILE

    def __str__(self) -> str:
        """As it may be shown: an address without its password."""
        return f"camera:{self.place}" if self.kind == CAMERA else _SECRET.sub("***@", self.place)


def video_source(text: str, numbers: bool = False) -> VideoSource | None:
    """camera:0, /dev/video0, rtsp://..., or the file of a video; None for anything else.

    `numbers`: digits alone are a camera too. Raises DataError for a file that is missing or, by its first bytes, no
    video: FFmpeg knows lists that make it open other files and addresses, and these it is not to get.
    """
    if text.lower().startswith(("rtsp://", "rtsps://")):
        if not is_utf8(text):  # cv2 would end the process
            raise DataError(f"the address {text} is not UTF-8")
        return VideoSource(RTSP, text)
    if found := _CAMERA.fullmatch(text):
        return VideoSource(CAMERA, str(int(found.group(1) or found.group(2))))
    if numbers and text.isascii() and text.isdigit() and len(text) <= 3:
        return VideoSource(CAMERA, str(int(text)))
    path = Path(text)
    if path.suffix.lower() not in SUFFIXES or path.is_dir():
        return None
    check_video_file(path)
    return VideoSource(FILE, text)


def check_video_file(path: Path) -> None:
    """Raises DataError for a file that cannot be read or is no video by its first bytes."""
    try:
        if S_ISCHR(path.stat().st_mode):
            raise DataError(f"{path} is a device; expected a video file, /dev/video0 or camera:0")
        with open_regular(path) as stream:
            first = stream.read(12)
    except OSError as fault:
        raise DataError(f"the video {path} cannot be read: {fault.strerror}") from None
    avi = first.startswith(b"RIFF") and first[8:] == b"AVI "
    if not (
        first[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip") or avi or first.startswith(_BEGINNINGS)
    ):
        raise DataError(
            f"{path} is no video: it begins with {first[:4].hex(' ') or 'nothing'}; expected MP4, MOV, Matroska, AVI, "
            "ASF, MPEG-TS or a byte stream of H.264 or H.265"
        )
