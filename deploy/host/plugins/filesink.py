"""filesink: the buffers of a branch, one after the other, into one file."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import Plugin
from deploy.sdk_codes import OPEN_FAIL, WRITE_FAIL


class FileSink(Plugin):
    """Opens the file when the stream is created, as GStreamer does; `append` keeps what is in it.

    Faults: 1019 at creation where the file cannot be opened, 1021 where it cannot be written.
    """

    PROPERTIES: ClassVar = properties_of("filesink")
    takes_faults = True  # the text that mxpi_dataserialize made of one is written, too
    ordered = True

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._path = Path(self.values["location"])
        append = self.values.get("append", "false").lower() in ("true", "t", "yes", "1")
        try:
            self._file = self._path.open("ab" if append else "wb")
        except OSError as error:
            raise self.fault(OPEN_FAIL, f"location: cannot open {self._path}: {error.strerror}") from None
        self._lock = threading.Lock()

    def process(self, frame: Frame) -> None:
        with self._lock:
            if not frame.buffer or self._file.closed:
                return
            try:
                self._file.write(frame.buffer)
                self._file.flush()
            except OSError as error:
                raise self.fault(WRITE_FAIL, f"cannot write {self._path}: {error.strerror}") from None

    def close(self) -> None:
        with self._lock:
            self._file.close()
