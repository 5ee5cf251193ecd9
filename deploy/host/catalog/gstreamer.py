"""GStreamer's own elements that the SDK's documents name, with the few of their properties that it lets through.

The others are filtered with a warning at appsrc, appsink, queue and tee, and passed on elsewhere. The SDK itself sets
block=false and max-bytes=1 at an appsrc, async=false at every sink and allow-not-linked at a tee.
"""

from __future__ import annotations

from deploy.host.catalog.entry import Factory, whole
from deploy.host.catalog.properties import SDK2, Property

_UINT32 = 2**32 - 1


def _filtered(*names: str) -> dict[str, Property]:
    return {name: Property(filtered=True) for name in names}


def _native(*names: str) -> dict[str, Property]:
    """Passed on to GStreamer, without meaning for what is computed."""
    return {name: Property() for name in names}


NAME = {"name": Property(since=SDK2), "parent": Property(since=SDK2)}
_SINK = (
    *("enable-last-sample", "last-sample", "max-bitrate", "max-lateness", "processing-deadline", "qos"),
    *("render-delay", "stats", "sync", "throttle-time", "ts-offset"),
)

FACTORIES = (
    Factory(
        "appsrc",
        {
            "blocksize": whole(4096, 0, _UINT32, since=SDK2),
            "max-bytes": whole(1, 0, 2**63 - 1),
            **NAME,
            **_filtered(
                *("block", "caps", "current-level-bytes", "do-timestamp", "duration", "emit-signals", "format"),
                *("is-live", "max-latency", "min-latency", "min-percent", "num-buffers", "size"),
                *("stream-type", "typefind"),
            ),
        },
        inputs=False,
        one_output=True,
        since=SDK2,
        native=True,
    ),
    Factory(
        "appsink",
        {
            "blocksize": whole(4096, 0, _UINT32, since=SDK2),
            **NAME,
            **_filtered("async", *_SINK),
            **_filtered("buffer-list", "caps", "drop", "emit-signals", "eos", "max-buffers", "wait-on-eos"),
        },
        outputs=False,
        since=SDK2,
        native=True,
    ),
    Factory(
        "fakesink",
        {
            **NAME,
            **_filtered("async"),
            **_native(*_SINK, "blocksize", "can-activate-pull", "can-activate-push", "drop-out-of-segment", "dump"),
            **_native("last-message", "num-buffers", "signal-handoffs", "silent", "state-error"),
        },
        outputs=False,
        native=True,
    ),
    Factory(
        "filesink",
        {
            "location": Property(required=True),
            "append": Property("false", choices=("false", "true", "0", "1", "FALSE", "TRUE")),
            "buffer-mode": Property("-1", choices=("-1", "0", "1", "2", "default", "full", "line", "unbuffered")),
            "buffer-size": whole(65536, 0, _UINT32),
            "max-transient-error-timeout": whole(0, 0, 2**31 - 1),
            "o-sync": Property("false", choices=("false", "true", "0", "1", "FALSE", "TRUE")),
            "blocksize": whole(4096, 0, _UINT32),
            **NAME,
            **_filtered("async"),
            **_native(*_SINK),
        },
        outputs=False,
        native=True,
    ),
    Factory(
        "filesrc",
        {
            "location": Property(required=True),
            "blocksize": whole(4096, 0, _UINT32),
            **NAME,
            **_native("do-timestamp", "num-buffers", "typefind"),
        },
        inputs=False,
        one_output=True,
        native=True,
    ),
    Factory(
        "queue",
        {
            "max-size-buffers": whole(200, 0, _UINT32, since=SDK2),
            "leaky": Property("0", choices=("0", "1", "2")),
            **NAME,
            **_filtered(
                *("current-level-buffers", "current-level-bytes", "current-level-time", "flush-on-eos"),
                *("max-size-bytes", "max-size-time", "min-threshold-buffers", "min-threshold-bytes"),
                *("min-threshold-time", "silent"),
            ),
        },
        one_output=True,
        since=SDK2,
        native=True,
    ),
    Factory(
        "tee",
        {
            **NAME,
            **_filtered("alloc-pad", "allow-not-linked", "has-chain", "last-message", "num-src-pads", "pull-mode"),
            **_filtered("silent"),
        },
        since=SDK2,
        native=True,
    ),
)
