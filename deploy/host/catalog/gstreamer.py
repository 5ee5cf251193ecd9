"""GStreamer's own elements that the SDK's documents name, with the few of their properties that it lets through.

The others are filtered with a warning at appsrc, appsink, queue and tee, and passed on elsewhere; their values are
checked all the same (MxsmElement::ValidateElementSingleProperty, by the type that GStreamer gives a property). The SDK
itself sets block=false and max-bytes=1 at an appsrc, async=false at every sink and allow-not-linked at a tee.
"""

from __future__ import annotations

from deploy.host.catalog.entry import Factory, whole
from deploy.host.catalog.properties import SDK2, Property

_UINT32, _INT32, _UINT64, _INT64 = 2**32 - 1, 2**31 - 1, 2**64 - 1, 2**63 - 1
_TRUTH = {
    "pattern": "(?i:true|t|yes|false|f|no)|[01]",
    "says": "true or false",
}
_FORMATS = ("undefined", "default", "bytes", "time", "buffers", "percent")
_KINDS = ("stream", "seekable", "random-access")


def _enumeration(*nicks: str) -> tuple[str, ...]:
    """The texts of an enumeration: its words and its numbers."""
    return (*nicks, *map(str, range(len(nicks))))


def _filtered(*names: str) -> dict[str, Property]:
    """Texts and caps, which hold anything."""
    return {name: Property(filtered=True) for name in names}


def _truths(*names: str) -> dict[str, Property]:
    return {name: Property("false", filtered=True, pattern=_TRUTH["pattern"], says=_TRUTH["says"]) for name in names}


def _wholes(low: int, high: int, *names: str) -> dict[str, Property]:
    return {name: Property(str(max(low, 0)), filtered=True, limits=(low, high)) for name in names}


def _read_only(*names: str) -> dict[str, Property]:
    return {name: Property(filtered=True, read_only=True) for name in names}


def _native(*names: str) -> dict[str, Property]:
    """Passed on to GStreamer, without meaning for what is computed."""
    return {name: Property() for name in names}


NAME = {"name": Property(since=SDK2), "parent": Property(since=SDK2)}
_SINK = (
    *("enable-last-sample", "max-bitrate", "max-lateness", "processing-deadline", "qos"),
    *("render-delay", "sync", "throttle-time", "ts-offset"),
)
_SINK_SHOWS = _read_only("last-sample", "stats")

FACTORIES = (
    Factory(
        "appsrc",
        {
            "blocksize": whole(4096, 0, _UINT32, since=SDK2),
            "max-bytes": whole(1, 0, _UINT64),
            **NAME,
            **_filtered("caps"),
            **_truths("block", "do-timestamp", "emit-signals", "is-live", "typefind"),
            **_wholes(0, _UINT64, "duration"),
            **_wholes(-1, _INT64, "max-latency", "min-latency", "size"),
            **_wholes(-1, _INT32, "num-buffers"),
            **_wholes(0, 100, "min-percent"),
            "format": Property("bytes", filtered=True, choices=_enumeration(*_FORMATS)),
            "stream-type": Property("stream", filtered=True, choices=_enumeration(*_KINDS)),
            **_read_only("current-level-bytes"),
        },
        since=SDK2,
        native=True,
    ),
    Factory(
        "appsink",
        {
            "blocksize": whole(4096, 0, _UINT32, since=SDK2),
            **NAME,
            **_filtered("caps"),
            **_truths(
                "async", "buffer-list", "drop", "emit-signals", "enable-last-sample", "qos", "sync", "wait-on-eos"
            ),
            **_wholes(0, _UINT32, "max-buffers"),
            **_wholes(-1, _INT64, "max-lateness"),
            **_wholes(0, _UINT64, "max-bitrate", "processing-deadline", "render-delay", "throttle-time"),
            **_wholes(-_INT64 - 1, _INT64, "ts-offset"),
            **_read_only("eos"),
            **_SINK_SHOWS,
        },
        since=SDK2,
        native=True,
    ),
    Factory(
        "fakesink",
        {
            **NAME,
            **_truths("async"),
            **_native(*_SINK, "blocksize", "can-activate-pull", "can-activate-push", "drop-out-of-segment", "dump"),
            **_native("num-buffers", "signal-handoffs", "silent", "state-error"),
            **_read_only("last-message"),
            **_SINK_SHOWS,
        },
        native=True,
    ),
    Factory(
        "filesink",
        {
            "location": Property(required=True),
            "append": Property("false", pattern=_TRUTH["pattern"], says=_TRUTH["says"]),
            "buffer-mode": Property("-1", choices=("-1", "0", "1", "2", "default", "full", "line", "unbuffered")),
            "buffer-size": whole(65536, 0, _UINT32),
            "max-transient-error-timeout": whole(0, 0, _INT32),
            "o-sync": Property("false", pattern=_TRUTH["pattern"], says=_TRUTH["says"]),
            "blocksize": whole(4096, 0, _UINT32),
            **NAME,
            **_truths("async"),
            **_native(*_SINK),
            **_SINK_SHOWS,
        },
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
    ),
    Factory(
        "queue",
        {
            "max-size-buffers": whole(200, 0, _UINT32, since=SDK2),
            "leaky": Property("0", choices=_enumeration("no", "upstream", "downstream")),
            **NAME,
            **_truths("flush-on-eos", "silent"),
            **_wholes(0, _UINT32, "max-size-bytes", "min-threshold-buffers", "min-threshold-bytes"),
            **_wholes(0, _UINT64, "max-size-time", "min-threshold-time"),
            **_read_only("current-level-buffers", "current-level-bytes", "current-level-time"),
        },
        since=SDK2,
        native=True,
    ),
    Factory(
        "tee",
        {
            **NAME,
            **_filtered("alloc-pad"),
            **_truths("allow-not-linked", "has-chain", "silent"),
            "pull-mode": Property("none", filtered=True, choices=_enumeration("none", "single")),
            **_read_only("last-message", "num-src-pads"),
        },
        since=SDK2,
        native=True,
    ),
)
