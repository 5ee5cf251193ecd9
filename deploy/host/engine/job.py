"""One buffer in a stream, from SendData to its results."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from deploy.host.engine.plan import Group
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Images, Masks, Objects, TensorPackages
from deploy.sdk_codes import OK, SdkFault

METADATA_BYTES = 256 * 2**20
"""The limit of pixels and tensors in results that wait at an appsink; beyond it, metadata are dropped."""
BUFFER_BYTES = 2**30
"""The limit of texts and images in waiting results; beyond it, a stream takes no more buffers."""


class Result(NamedTuple):
    """What reached an appsink: the code and the buffer, or the code and text of a fault.

    `metadata` is None where it was not wanted or was dropped. `weight` is the size in bytes of its arrays.
    """

    code: int
    data: bytes
    metadata: Mapping[str, Any] | None = None
    frame: tuple[int, int, bool] = (0, 0, False)  # MxpiFrameInfo
    weight: int = 0


class Backlog:
    """How much the results hold that wait to be fetched, over all appsinks of a stream."""

    def __init__(self, sinks: int) -> None:
        self._lock = threading.Lock()
        self._buffers = 0
        self._metadata = [0] * sinks

    @property
    def full(self) -> bool:
        return self._buffers > BUFFER_BYTES

    def add(self, sink: int, result: Result) -> Result:
        """The result as it may wait: without metadata where too much waits already."""
        with self._lock:
            self._buffers += len(result.data)
            if self._metadata[sink] + result.weight > METADATA_BYTES:
                return result._replace(metadata=None, weight=0)
            self._metadata[sink] += result.weight
        return result

    def remove(self, sink: int, result: Result) -> None:
        with self._lock:
            self._buffers -= len(result.data)
            self._metadata[sink] -= result.weight


class Job:
    """What an appsrc was sent as its n-th buffer, or several that go together, and where the results go.

    `replies` has a queue for every appsink whose results can be fetched: the results that reach it, then None. With
    `in_order` those are all of the group, and results come with metadata; otherwise only the first.
    """

    __slots__ = (
        *("_backlog", "_forgotten", "_in_order", "group", "number"),
        *("replies", "sent", "slots", "unfinished", "waiting"),
    )

    def __init__(self, group: Group, number: int, slots: int, backlog: Backlog, in_order: bool) -> None:
        self.group = group
        self.number = number
        self.slots: list[Frame | None] = [None] * slots
        self.replies: dict[int, SimpleQueue[Result | None]] = {
            sink: SimpleQueue() for sink in group.sinks if in_order or sink == group.sinks[0]
        }
        self.waiting = [stage.waits_for for stage in group.stages]
        self.unfinished = len(group.stages)
        self.sent = 0  # buffers, of the one that each appsrc of the group sends
        self._backlog = backlog
        self._in_order = in_order
        self._forgotten = False

    @property
    def complete(self) -> bool:
        """Whether it waits for nobody but the elements."""
        return self.sent == len(self.group.sources)

    def deliver(self, sink: int, frame: Frame) -> None:
        """A frame has reached an appsink."""
        if sink not in self.replies:
            return
        code, data = OK, frame.buffer
        if frame.fault is not None:
            code, data = frame.fault.code, frame.fault.sentence.encode("utf-8", "replace")
        result = Result(code, data)
        if self._in_order:
            info = (frame.channel_id, frame.frame_id, frame.is_eos)
            result = Result(code, data, frame.metadata, info, _weight(frame.metadata))
        self._put(sink, result)

    def end(self, sinks: Iterable[int]) -> None:
        """Nothing more will come to these appsinks."""
        for sink in sinks:
            if sink in self.replies:
                self.replies[sink].put(None)

    def abort(self, fault: SdkFault) -> None:
        """Answer with a fault, at every appsink."""
        for sink, reply in self.replies.items():
            self._put(sink, Result(fault.code, fault.sentence.encode("utf-8", "replace")))
            reply.put(None)

    def skip(self, fault: SdkFault) -> None:
        """The buffer will not be carried: fetched in order it is passed over, fetched by itself it says why."""
        if self._in_order:
            self.end(self.replies)
        else:
            self.abort(fault)

    def forget(self) -> None:
        """Nobody will fetch what came or still comes."""
        self._forgotten = True
        for sink, reply in self.replies.items():
            with suppress(Empty):
                while True:
                    result = reply.get_nowait()
                    if result is not None:
                        self._backlog.remove(sink, result)

    def _put(self, sink: int, result: Result) -> None:
        self.replies[sink].put(self._backlog.add(sink, result))
        if self._forgotten:
            self.forget()


def _weight(metadata: Mapping[str, Any]) -> int:
    total = 0
    for value in metadata.values():
        if isinstance(value, Images):
            total += sum(image.pixels.nbytes for image in value)
        elif isinstance(value, TensorPackages):
            total += sum(array.nbytes for package in value for array in package.outputs)
        elif isinstance(value, Objects):
            total += value.detections.nbytes
        elif isinstance(value, Masks):
            total += sum(mask.nbytes for mask in value.masks)
        else:
            size = getattr(value, "ByteSize", None)
            total += size() if size else 0
    return total
