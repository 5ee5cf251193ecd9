"""appsink: where GetResult takes a buffer out of the stream."""

from __future__ import annotations

from typing import ClassVar

from deploy.host.plugins.base import Plugin
from deploy.host.properties import Property

GSTREAMER = {
    name: Property() for name in ("name", "parent", "caps", "drop", "max-buffers", "sync", "async", "emit-signals")
}


class AppSink(Plugin):
    """The tail of a chain; the engine answers with the buffer that reaches it."""

    PROPERTIES: ClassVar = {"blocksize": Property("4096", limits=(0, 2**32 - 1)), **GSTREAMER}
