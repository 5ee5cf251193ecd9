"""mxpi_rtspsrc: pulls video by itself, from an address or, on a host, from a file."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import ClassVar

from deploy.errors import DataError
from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.pipeline.description import Element
from deploy.host.plugins.appsrc import AppSrc
from deploy.host.plugins.base import Plugin
from deploy.sdk_codes import OPEN_FAIL, UNREALIZED
from deploy.video.frames import open_frames
from deploy.video.source import CAMERA, VideoSource, video_source

_BETWEEN = ("queue",)
_DECODERS = ("mxpi_videodecoder",)


class RtspSource(AppSrc):
    """The head of a chain that nobody sends to: the engine pulls its frames in a thread of their own.

    `rtspUrl` is an address, or the path of a video file, which a board does not take. OpenCV, which reads both, decodes
    what it reads; the decoder behind takes these images in place of bytes, so that nothing but a decoder may stand
    there. A live source drops frames that nobody takes in time, a file waits. `timeout`, `fpsMode` and what concerns
    TLS change nothing on a host.

    `dropped` counts the images of a live source that nobody took, `reconnected` how often it was opened again.

    Faults at creation: 1005 another element behind it, 1019 a file that is missing or no video.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_rtspsrc")

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        url = self.values["rtspUrl"]
        try:
            source = video_source(url)
        except DataError as fault:
            raise self.fault(OPEN_FAIL, str(fault)) from None
        if source is None or source.kind == CAMERA:
            raise self.fault(
                OPEN_FAIL, f"rtspUrl is {url!r}; expected rtsp://..., or on a host the path of a video file"
            )
        self.source_of_video: VideoSource = source
        self.dropped = self.reconnected = 0
        self._closed = False
        self._channel = int(self.values["channelId"])

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        factories = [type(plugin).__module__.rpartition(".")[2] for plugin in downstream]
        behind = next((name for name in factories if name not in _BETWEEN), "")
        if behind not in _DECODERS:
            raise self.fault(
                UNREALIZED,
                f"the host engine runs it before mxpi_videodecoder only; here comes {behind or 'nothing'}",
            )

    def frames(self) -> Generator[Frame, None, None]:
        """The images as they come, until the source ends or `close`. Raises DataError or EnvironmentFault where it
        cannot be read."""
        with open_frames(self.source_of_video) as frames:
            waiting: Frame | None = None
            while not self._closed and (one := frames.next(wait=True)) is not None:
                self.dropped, self.reconnected = frames.dropped, frames.reconnected
                fresh = Frame(b"", {}, None, self._channel, one.number, decoded=one.pixels)
                if self.source_of_video.live:
                    yield fresh
                    continue
                if waiting is not None:
                    yield waiting
                waiting = fresh
            if waiting is not None and not self._closed:
                waiting.is_eos = True  # of a file the last image is known
                yield waiting

    def close(self) -> None:
        self._closed = True
