"""The running stream: workers that take pictures through the chain, each picture by one worker, many at once.

A worker carries its picture through all elements, so that nothing is handed from thread to thread and every core is
busy with whatever comes next: decoding, resizing and inference of different pictures overlap, because OpenCV and
onnxruntime release the interpreter lock. There is one worker a core.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

import cv2

from deploy.host.description import Stream
from deploy.host.factories import plugin_for
from deploy.host.frame import Frame
from deploy.host.plugins.base import Plugin
from deploy.sdk_codes import INNER, OK, STREAM_NOT_EXIST, UNREALIZED, SdkFault

STOP_SECONDS = 0.8  # how long a stop waits for pictures that are under way
_WAITING_PER_WORKER = 4  # pictures that may wait in front of each worker


def core_count() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Engine:
    """A stream's plugins and workers. Raises SdkFault where a plugin cannot be created.

    Every frame that `send` takes gets exactly one reply: (0, buffer), or the code and text of the first fault; a
    fault ends the frame, not the stream.
    """

    def __init__(self, stream: Stream) -> None:
        self.name = stream.name
        self.source_name = stream.elements[0].name
        if any(element.links for element in stream.elements):
            _check_chain(stream)
        plugins = [plugin_for(element) for element in stream.elements]
        for index, plugin in enumerate(plugins):
            plugin.connect(plugins[:index], plugins[index + 1 :])
        self._plugins = plugins[1:-1]  # between appsrc and appsink
        self._stopping = False
        self._frames: SimpleQueue[Frame | None] = SimpleQueue()
        self._places: SimpleQueue[None] = SimpleQueue()
        cv2.setNumThreads(1)  # the workers keep the cores busy; more threads inside OpenCV only get in their way
        self._workers = [_Worker(self._plugins, self._frames, self._places) for _ in range(core_count())]
        for _ in range(len(self._workers) * (1 + _WAITING_PER_WORKER)):
            self._places.put(None)
        for worker in self._workers:
            worker.start()

    def send(self, frame: Frame) -> None:
        """Take a frame; blocks while the stream is full. Raises SdkFault 6002 once the stream is stopped."""
        self._places.get()
        if self._stopping:
            self._places.put(None)  # for the next one who waits
            raise self._gone()
        self._frames.put(frame)
        if self._stopping:
            self._refuse_waiting()

    def stop(self) -> None:
        """Answer what still waits with code 6002 and end the workers; returns within about a second."""
        self._stopping = True
        for plugin in self._plugins:
            plugin.close()
        for worker in self._workers:
            worker.stopping = True
        self._refuse_waiting()
        for _ in self._workers:
            self._frames.put(None)
        self._places.put(None)
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))

    def milliseconds(self) -> dict[str, float]:
        """Mean wall time a frame in each plugin since creation or the last reset; 0 where none has passed."""
        means = {}
        for index, plugin in enumerate(self._plugins):
            seconds = sum(worker.seconds[index] for worker in self._workers)
            count = sum(worker.counts[index] for worker in self._workers)
            means[plugin.name] = 1000 * seconds / count if count else 0.0
        return means

    def reset_milliseconds(self) -> None:
        for worker in self._workers:
            worker.reset()

    def _refuse_waiting(self) -> None:
        signals = 0
        with suppress(Empty):
            while True:
                frame = self._frames.get_nowait()
                if frame is None:
                    signals += 1
                else:
                    fault = self._gone()
                    frame.reply.put((fault.code, fault.sentence.encode()))
        for _ in range(signals):  # these were meant for the workers
            self._frames.put(None)

    def _gone(self) -> SdkFault:
        return SdkFault(STREAM_NOT_EXIST, f"the stream {self.name} was destroyed")


class _Worker(threading.Thread):
    """Takes frames from the queue, one at a time, through all plugins."""

    def __init__(self, plugins: Sequence[Plugin], frames: SimpleQueue[Frame | None], places: SimpleQueue[None]) -> None:
        super().__init__(name="deploy.host", daemon=True)
        self._plugins = plugins
        self._frames = frames
        self._places = places
        self.stopping = False
        self.reset()

    def reset(self) -> None:
        self.seconds = [0.0] * len(self._plugins)
        self.counts = [0] * len(self._plugins)

    def run(self) -> None:
        while True:
            frame = self._frames.get()
            if frame is None:
                return
            reply = self._carry(frame)
            self._places.put(None)
            frame.reply.put(reply)

    def _carry(self, frame: Frame) -> tuple[int, bytes]:
        plugin = None
        try:
            begin = time.perf_counter()
            for index, plugin in enumerate(self._plugins):
                if self.stopping:
                    return STREAM_NOT_EXIST, b"the stream was destroyed"
                plugin.process(frame)
                end = time.perf_counter()
                self.seconds[index] += end - begin
                self.counts[index] += 1
                begin = end
        except SdkFault as fault:
            return fault.code, fault.sentence.encode("utf-8", "replace")
        except Exception as error:  # whatever it is, it must not end the stream
            if self.stopping:  # a run that was broken off raises, too
                return STREAM_NOT_EXIST, b"the stream was destroyed"
            name = plugin.name if plugin else "stream"
            text = f"{name}: internal error, {type(error).__name__}: {error}"
            return INNER, text.encode("utf-8", "replace")
        else:
            return OK, frame.buffer
        finally:
            frame.release()  # pixels and tensors go now, the answer may have to wait


def _check_chain(stream: Stream) -> None:
    """Raises SdkFault 1005 where the stream has branches."""
    for element, following in zip(stream.elements, stream.elements[1:]):
        if element.meta_links or [link.target for link in element.links] != [following.name]:
            raise SdkFault(UNREALIZED, f"{stream.name}.{element.name}: this engine runs chains, without branches")
