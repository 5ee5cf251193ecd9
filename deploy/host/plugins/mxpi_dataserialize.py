"""mxpi_dataserialize: what the stream found, as the SDK's JSON text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.description import Element
from deploy.host.frame import Frame
from deploy.host.nearest import did_you_mean
from deploy.host.object_json import object_list_json
from deploy.host.plugins.base import OBJECTS, Plugin, log
from deploy.sdk_codes import UNREALIZED


class DataSerialize(Plugin):
    """Replaces the buffer by the text of the listed elements' objects.

    Without any, the text is empty where one key is listed and "{}" where several are. A key that no element has is
    dropped without an error, as in the SDK; the log says so once, when the stream is created.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_dataserialize")

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._keys = [key for key in self.values["outputDataKeys"].split(",") if key]
        self._with_header = self.values["eraseHeaderVecFlag"] == "0"
        if not self._keys:
            raise self.fault(UNREALIZED, "outputDataKeys is empty; the host engine does not serialise the whole graph")

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        known = {plugin.name: plugin.produces for plugin in upstream}
        for key in self._keys:
            if key not in known:
                log.warning('%s: no element before it is "%s"%s', self.name, key, did_you_mean(key, known))
            elif known[key] != OBJECTS:
                raise self.fault(UNREALIZED, f"the host engine serialises objects; {key} hands on none")
        if sum(key in known for key in self._keys) > 1:
            raise self.fault(UNREALIZED, "the host engine serialises the objects of one element")

    def process(self, frame: Frame) -> None:
        for key in self._keys:
            objects = frame.metadata.get(key)
            if objects is not None:
                frame.buffer = object_list_json(objects, self._with_header)
                return
        frame.buffer = b"{}" if len(self._keys) > 1 else b""
