"""appsink: where GetResult takes a buffer out of the stream."""

from __future__ import annotations

from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.plugins.base import Plugin


class AppSink(Plugin):
    """The tail of a chain; the engine answers with the buffer that reaches it."""

    passive = True
    PROPERTIES: ClassVar = properties_of("appsink")
