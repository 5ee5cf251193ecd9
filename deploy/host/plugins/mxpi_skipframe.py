"""mxpi_skipframe: lets every (frameNum + 1)th buffer pass and the others go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import Plugin


class SkipFrame(Plugin):
    """Buffers that carry a fault pass and are not counted."""

    PROPERTIES: ClassVar = properties_of("mxpi_skipframe")
    routes = True
    ordered = True

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._every = int(self.values["frameNum"]) + 1
        self._count = 0

    def route(self, frame: Frame, ports: int) -> Sequence[Frame | None]:
        self._count = (self._count + 1) % self._every
        if self._count:
            return [None] * ports
        return [frame, *(frame.branch() for _ in range(ports - 1))]
