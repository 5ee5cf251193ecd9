"""appsrc: where SendData puts a buffer into the stream."""

from __future__ import annotations

from typing import ClassVar

from deploy.host.plugins.base import Plugin
from deploy.host.properties import Property

# GStreamer's own properties that pipelines carry; as on the board they are read and change nothing.
GSTREAMER = {name: Property() for name in ("name", "parent", "caps", "block", "max-bytes", "is-live", "format")}


class AppSrc(Plugin):
    """The head of a chain; the engine hands its frames to the element behind it."""

    PROPERTIES: ClassVar = {"blocksize": Property("4096", limits=(0, 2**32 - 1)), **GSTREAMER}
