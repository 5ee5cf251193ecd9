"""Threads that send into a stream what an element pulls by itself."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import NamedTuple, Protocol

from deploy.errors import ReportedError
from deploy.host.engine.job import Job
from deploy.host.log import log
from deploy.host.metadata.frame import Frame
from deploy.host.plugins.video.mxpi_rtspsrc import RtspSource
from deploy.sdk_codes import QUEUE_FULL, SdkFault

_PAUSE = 0.05


class Pulled(NamedTuple):
    """`over`: all sources have ended, and nothing of them is in the stream any more. `why` is the sentence of the first
    fault that ended one, "" without. `dropped` and `reconnected` are those of live sources."""

    over: bool
    why: str
    dropped: int
    reconnected: int


class Owner(Protocol):
    """What a pull needs of its engine."""

    stopping: bool

    def send(self, source: int, frame: Frame, in_order: bool) -> Job:
        """As Engine.send."""


class Pull(threading.Thread):
    """Sends the frames of one source until it ends. `why` is the sentence of the fault that ended it, "" else."""

    def __init__(self, owner: Owner, number: int, plugin: RtspSource) -> None:
        super().__init__(name="deploy.host.pull", daemon=True)
        self._owner = owner
        self._number = number
        self.plugin = plugin
        self.dropped = 0
        self.ended = False
        self.why = ""

    def run(self) -> None:
        try:
            with closing(self.plugin.frames()) as frames:
                for frame in frames:
                    if not self._send(frame):
                        return
        except ReportedError as fault:
            self.why = f"{self.plugin.name}: {fault}"
        except Exception as fault:
            self.why = f"{self.plugin.name}: {type(fault).__name__}: {fault}"
        finally:
            if self.why:
                log.error("%s", self.why)
            self.ended = True

    def _send(self, frame: Frame) -> bool:
        """Whether the stream takes more. Where too many results wait, a file waits too, and a live image is dropped."""
        while not self._owner.stopping:
            try:
                self._owner.send(self._number, frame, in_order=True)
                return True
            except SdkFault as fault:
                if fault.code != QUEUE_FULL:
                    return False
                if self.plugin.source_of_video.live:
                    self.dropped += 1
                    return True
                time.sleep(_PAUSE)
        return False
