"""mxpi_dumpdata: a buffer with all that is known about it, as JSON, downstream or into files."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.sdk_metadata import with_sdk_metadata
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import Plugin
from deploy.sdk_codes import FAILURE


class DumpData(Plugin):
    """Without `location` the text takes the buffer's place, and the metadata end here. With it the first buffer's text
    goes into that file, the n-th one's into location + (n - 1), and the buffer passes unchanged.

    Faults: 1001 where the folder or a file cannot be written.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_dumpdata")
    ordered = True  # the numbers of the files

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._required = _names(self.values["requiredMetaDataKeys"])
        self._filtered = _names(self.values["filterMetaDataKeys"])
        self._memory = self.values["dumpMemoryData"] != "false"
        self._location = self.values["location"]
        self._written = 0
        if self._location:
            try:
                Path(self._location).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise self.fault(FAILURE, f"location: cannot make the folder of it: {error.strerror}") from None

    def process(self, frame: Frame) -> None:
        from deploy.host.metadata.dump_file import write  # needs protobuf

        metadata = {**with_sdk_metadata(frame), **frame.metadata}
        text = write(frame.buffer, metadata, self._required, self._filtered, self._memory).encode("utf-8", "replace")
        if not self._location:
            frame.buffer, frame.metadata = text, {}
            return
        path = Path(f"{self._location}{self._written or ''}")
        partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.partial")
        try:
            partial.write_bytes(text)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise self.fault(FAILURE, f"cannot write {path}: {error.strerror}") from None
        self._written += 1


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name]
