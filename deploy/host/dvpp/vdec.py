"""Video to images with OpenCV: whole files, and byte streams that come in pieces."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress

import cv2
import numpy as np

from deploy.host.dvpp.annex_b import CODECS, beginning, is_annex_b
from deploy.sdk_codes import OUT_OF_RANGE, UNREALIZED, VIDEO_DECODE_FAIL, SdkFault

_FOURCC = {"H264": (b"avc1", b"avc3", b"h264", b"x264"), "H265": (b"hvc1", b"hev1", b"hevc", b"h265")}
_LEAST, _MOST = 128, 4096  # pixels, either way
_MOST_BYTES = 256 * 2**20  # of a stretch that later images may refer to


def check_backend() -> None:
    """Raises SdkFault 1005 where OpenCV cannot read video."""
    if not cv2.videoio_registry.hasBackend(cv2.CAP_FFMPEG):
        raise SdkFault(UNREALIZED, "this build of OpenCV has no FFmpeg, which the host engine decodes video with")


def check_size(width: int, height: int) -> None:
    """Raises SdkFault 1009 for a size in pixels that VDEC does not take."""
    for pixels, side in ((width, "wide"), (height, "high")):
        if not _LEAST <= pixels <= _MOST:
            raise SdkFault(OUT_OF_RANGE, f"the video is {pixels} px {side}; VDEC takes {_LEAST} to {_MOST}")


class VideoStream:
    """Images of a stream whose bytes come buffer by buffer: files, groups of images, or single images.

    OpenCV reads files, it cannot be fed. So a buffer that refers to images of earlier ones is decoded with all since
    the last key image, and the images that were handed out before are left out: images must be sent in the order
    in which they are shown.
    """

    def __init__(self, codec: str) -> None:
        """A `codec` that is none of CODECS is refused with the first buffer, as on the board."""
        self._name = codec
        self._codec = CODECS.get(codec)
        self._parameters = b""
        self._since_key = b""
        self._handed_out = 0

    def images(self, data: bytes) -> Iterator[np.ndarray]:
        """uint8 [h, w, 3] BGR each, in the order in which they are shown.

        Raises SdkFault 2009 for what is no video of this codec, 1009 for a size that VDEC does not take.
        """
        if self._codec is None:
            raise SdkFault(VIDEO_DECODE_FAIL, f'inputVideoFormat is "{self._name}"; video is {" or ".join(CODECS)}')
        if not is_annex_b(data):
            if not _is_container(data):
                raise SdkFault(
                    VIDEO_DECODE_FAIL,
                    f"the buffer is neither an {self._name} byte stream nor an MP4 or Matroska file (it begins with "
                    f"{data[:4].hex(' ') or 'nothing'})",
                )
            self._since_key, self._handed_out = b"", 0
            yield from self._decoded(data, ".video")
            return
        begins = beginning(data, self._codec)
        known, self._parameters = self._parameters, begins.parameters or self._parameters
        if not begins.image:
            if not begins.parameters:
                raise self._undecodable("it holds no image")
            return
        if begins.key:
            self._since_key = data if begins.parameters else known + data
            self._handed_out = 0
        elif not self._since_key:
            raise self._undecodable("the first image that was sent refers to others")
        else:
            self._since_key += data
        if len(self._since_key) > _MOST_BYTES:
            self._since_key = b""
            raise self._undecodable(f"there is no key image within {_MOST_BYTES // 2**20} MiB")
        handed_out = self._handed_out
        for index, pixels in enumerate(self._decoded(self._since_key, "." + self._name.lower())):
            if index >= handed_out:
                self._handed_out += 1
                yield pixels

    def _decoded(self, data: bytes, suffix: str) -> Iterator[np.ndarray]:
        handle, path = tempfile.mkstemp(suffix)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
            try:
                if not capture.isOpened():
                    raise self._undecodable("it is damaged")
                self._check(capture)
                read, pixels = capture.read()
                if not read:
                    raise self._undecodable("it is damaged")
                while read:
                    yield pixels
                    read, pixels = capture.read()
            finally:
                capture.release()
        finally:
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108

    def _check(self, capture: cv2.VideoCapture) -> None:
        name = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").lower()
        if name not in _FOURCC[self._name]:
            raise self._undecodable(f"its codec is {name.decode('latin-1')!r}")
        width, height = (int(capture.get(prop)) for prop in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if not width or not height:
            raise self._undecodable("it is damaged")
        check_size(width, height)

    def _undecodable(self, why: str) -> SdkFault:
        return SdkFault(VIDEO_DECODE_FAIL, f"the buffer cannot be decoded as {self._name}: {why}")


def _is_container(data: bytes) -> bool:
    # FFmpeg knows formats that make it open other files and addresses; only these two are let through
    return data[4:8] == b"ftyp" or data.startswith(b"\x1a\x45\xdf\xa3")
