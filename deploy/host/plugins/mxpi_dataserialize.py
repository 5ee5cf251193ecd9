"""mxpi_dataserialize: what the stream found, as the SDK's JSON text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.log import log
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.object_json import object_list_json
from deploy.host.metadata.sdk_metadata import OF_THE_SDK, with_sdk_metadata
from deploy.host.metadata.values import Objects
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import Plugin
from deploy.wording import did_you_mean


class DataSerialize(Plugin):
    """Replaces the buffer by the text of the listed elements' metadata; for a buffer with a fault, by the fault's text.

    Objects of one element, which is what detection streams ask for, are written without making messages of them.
    Several keys are nested by their parents; no key stands for everything. Without anything, the text is empty where
    one key is listed and "{}" elsewhere. A key that no element has is dropped without an error, as in the SDK; the log
    says so once, when the stream is created.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_dataserialize")
    takes_faults = True

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._keys = [key for key in self.values["outputDataKeys"].split(",") if key]
        self._with_header = self.values["eraseHeaderVecFlag"] == "0"

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        known = [plugin.name for plugin in upstream]
        for key in self._keys:
            if key not in known and key not in OF_THE_SDK:
                log.warning('%s: no element before it is "%s"%s', self.name, key, did_you_mean(key, known))

    def process(self, frame: Frame) -> None:
        if frame.fault is not None:
            frame.buffer = frame.fault.sentence.encode("utf-8", "replace")
        elif len(self._keys) == 1:
            value = frame.metadata.get(self._keys[0])
            if isinstance(value, Objects):
                frame.buffer = object_list_json(value, self._with_header)
            elif value is None and self._keys[0] not in OF_THE_SDK:
                frame.buffer = b""
            else:
                frame.buffer = self._graph(frame)
        else:
            frame.buffer = self._graph(frame)

    def _graph(self, frame: Frame) -> bytes:
        from deploy.host.metadata.metadata_graph import graph_json  # needs protobuf

        text = graph_json(with_sdk_metadata(frame), self._keys, not self._with_header)
        return text.encode("utf-8", "replace")
