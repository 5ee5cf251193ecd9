"""Classes that only a board has: scripts may import them, using them says that they do not run here."""

from __future__ import annotations

from typing import Any

from deploy.host.sdk.mindx.sdk.base.faults import error
from deploy.sdk_codes import UNREALIZED


class _BoardOnly:
    def __init__(self, *_: Any, **__: Any) -> None:
        raise error(UNREALIZED, f"mindx.sdk.base.{type(self).__name__} needs the chip; it does not run on a host")


class AppGlobalCfgExtra(_BoardOnly):
    """Channels of the chip's image processing."""


class DeviceMemory(_BoardOnly):
    """Memory of the chip."""


class ModelLoadOptV2(_BoardOnly):
    """Where in memory a model lies; a host loads it from its file."""


class VideoDecodeConfig(_BoardOnly):
    """Of VideoDecoder."""


class VideoDecoder(_BoardOnly):
    """VDEC; mxpi_videodecoder in a stream decodes here."""


class VideoEncodeConfig(_BoardOnly):
    """Of VideoEncoder."""


class VideoEncoder(_BoardOnly):
    """VENC."""


class VdecCallBacker(_BoardOnly):
    """Of VideoDecoder."""


class VencCallBacker(_BoardOnly):
    """Of VideoEncoder."""
