"""mxpi_osdinstancemerger: what is to be drawn, from several elements into one list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from deploy.host.catalog import properties_of
from deploy.host.metadata import messages
from deploy.host.metadata.frame import Frame
from deploy.host.plugins.base import OSD, Plugin
from deploy.sdk_codes import FAILURE, INVALID_LINK

_KINDS = ("osdRectVec", "osdTextVec", "osdCircleVec", "osdLineVec")


class OsdInstanceMerger(Plugin):
    """A MxpiOsdInstancesList at each input port, merged entry by entry; lists that are missing or empty do not count.

    Without any, the buffer passes as it is. Faults: 6006 at creation without an input, 1001 where dataSourceList names
    another number of elements than there are inputs; 1001 for lists of different lengths. Source: Vision SDK's
    MxpiOsdInstanceMerger.cpp.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_osdinstancemerger")
    produces = OSD

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        if not self.inputs:
            raise self.fault(INVALID_LINK, "no element leads to it; it merges what comes at its input ports")
        named = self.values["dataSourceList"]
        if named == "auto":
            self._sources = [self.source(leading, OSD).name for leading in self.inputs]
            return
        names = [name for name in named.replace(" ", "").split(",") if name]
        if len(names) != len(self.inputs):
            raise self.fault(
                FAILURE, f"dataSourceList names {len(names)} element(s), and {len(self.inputs)} link(s) lead here"
            )
        self._sources = [
            self.named(leading, name, OSD, "dataSourceList").name for leading, name in zip(self.inputs, names)
        ]

    def process(self, frame: Frame) -> None:
        lists = [entries for name in self._sources if (entries := _entries(frame.metadata.get(name)))]
        if not lists:
            return
        lengths = [len(entries) for entries in lists]
        if len(set(lengths)) > 1:
            found = ", ".join(map(str, lengths))
            raise self.fault(FAILURE, f"the lists of its sources have {found} entries; they have to be equally long")
        merged = messages.osd_types().MxpiOsdInstancesList()
        for together in zip(*lists):
            entry = merged.osdInstancesVec.add()
            for kind in _KINDS:
                for part in together:
                    getattr(entry, kind).extend(getattr(part, kind))
        frame.metadata[self.name] = merged


def _entries(message: Any) -> Sequence[Any]:
    if getattr(getattr(message, "DESCRIPTOR", None), "name", "") != "MxpiOsdInstancesList":
        return ()
    entries: Sequence[Any] = message.osdInstancesVec
    return entries
