"""mxpi_distributor: objects or classes by their class id, or buffers by their channel id, to one output port each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Objects
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import ANYTHING, OBJECTS, Plugin
from deploy.sdk_codes import INVALID_PARAM, PROTOBUF_NAME_MISMATCH


class Distributor(Plugin):
    """The output of port n is the metadata <element>_<n>; each object in it has the original one for its parent.

    A port whose classes were not found gets nothing, or with distributeAll the buffer without that metadata. A buffer
    without any metadata to tell apart goes to all ports.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_distributor")
    routes = True

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        classes, channels = self.values["classIds"], self.values["channelIds"]
        if bool(classes) == bool(channels):
            both = "both are set" if classes else "neither is set"
            raise self.fault(INVALID_PARAM, f"set one of classIds and channelIds; {both}")
        self._by_channel = bool(channels)
        self._ports = [
            {int(number) for number in group.split("|") if number.strip().isdecimal()}
            for group in (channels or classes).split(",")
            if group.strip()
        ]
        self._to_all = self.values["distributeAll"] == "yes"
        if len(self._ports) != len(element.links):
            key = "channelIds" if channels else "classIds"
            raise self.fault(
                INVALID_PARAM, f"{key} has {len(self._ports)} group(s) of ids, next {len(element.links)} element(s)"
            )

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        made = [plugin for plugin in upstream if plugin.produces not in ("", ANYTHING)]
        wanted = made[-1].produces if self._by_channel and made else OBJECTS
        source = self.source(upstream, wanted, "dataSource")
        self._source, self._made = source.name, source.produces

    def at_port(self, port: int) -> Plugin:
        output = Plugin(Element(f"{self.name}_{port}", "", {}))
        output.produces = self._made
        return output

    def route(self, frame: Frame, ports: int) -> Sequence[Frame | None]:
        value = frame.metadata.get(self._source)
        if self._by_channel:
            port = next((i for i, ids in enumerate(self._ports) if frame.channel_id in ids), -1)
            if port >= 0 and value is not None:
                frame.metadata[f"{self.name}_{port}"] = value
            return [frame if index == port else None for index in range(ports)]
        if value is None:
            return [frame.branch() for _ in range(ports)]
        parts = [self._part(value, ids) for ids in self._ports]
        leaving: list[Frame | None] = []
        for index, part in enumerate(parts):
            if part is None and not self._to_all:
                leaving.append(None)
                continue
            branch = frame.branch()
            if part is not None:
                branch.metadata[f"{self.name}_{index}"] = part
            leaving.append(branch)
        return leaving

    def _part(self, value: Any, ids: set[int]) -> Any:
        """The objects (or classes) of those classes, or None where there are none."""
        if isinstance(value, Objects):
            chosen = np.isin(value.detections[:, 5].astype(int), list(ids)).nonzero()[0]
            if not len(chosen):
                return None
            # the parent of each is the object it was
            return Objects(value.detections[chosen], [value.names[i] for i in chosen], self._source, chosen)
        name = getattr(getattr(value, "DESCRIPTOR", None), "name", type(value).__name__)
        if name not in ("MxpiObjectList", "MxpiClassList"):
            raise self.fault(PROTOBUF_NAME_MISMATCH, f"{self._source} holds {name}; it tells objects and classes apart")
        return _message_part(value, ids, self._source)


def _message_part(message: Any, ids: set[int], source: str) -> Any:
    part = type(message)()
    field = part.DESCRIPTOR.fields[0].name
    for index, item in enumerate(getattr(message, field)):
        kinds = [item] if field == "classVec" else list(item.classVec)[:1]
        if kinds and kinds[0].classId in ids:
            copy = getattr(part, field).add()
            copy.CopyFrom(item)
            del copy.headerVec[:]
            copy.headerVec.add(dataSource=source, memberId=index)
    return part if len(getattr(part, field)) else None
