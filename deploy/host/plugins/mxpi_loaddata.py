"""mxpi_loaddata: what mxpi_dumpdata wrote becomes a buffer with metadata again."""

from __future__ import annotations

from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.plugins.base import ANYTHING, Plugin
from deploy.sdk_codes import SdkFault


class LoadData(Plugin):
    """The buffer is the text of a dump; the elements behind find its metadata under the keys that they had.

    Faults: 1004 for another text, 1001 for metadata in it that are none.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_loaddata")
    produces = ANYTHING

    def process(self, frame: Frame) -> None:
        from deploy.host.metadata.dump_file import read  # needs protobuf

        try:
            loaded = read(frame.buffer)
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        frame.buffer, frame.metadata = loaded.buffer, loaded.metadata
        frame.channel_id, frame.frame_id, frame.is_eos = loaded.channel_id, loaded.frame_id, loaded.is_eos
