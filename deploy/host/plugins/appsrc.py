"""appsrc: where SendData puts a buffer into the stream."""

from __future__ import annotations

from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.plugins.base import ANYTHING, Plugin


class AppSrc(Plugin):
    """The head of a chain; the engine hands its frames to the element behind it."""

    passive = True
    produces = ANYTHING
    PROPERTIES: ClassVar = properties_of("appsrc")
