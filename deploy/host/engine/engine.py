"""The running stream: workers that carry buffers through the graph of elements, each buffer by one, many at once.

A worker carries its buffer through all elements in topological order, so that nothing is handed from thread to thread
and every core is busy with whatever comes next: decoding, resizing and inference of different images overlap, because
OpenCV and onnxruntime release the interpreter lock. There is one worker a core, and a second one where a chip computes
the model: while one waits for the chip, the other decodes.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue

import cv2

from deploy.host.engine.factories import plugin_for
from deploy.host.engine.job import Backlog, Job
from deploy.host.engine.leaks import Leak, leak_behind
from deploy.host.engine.memory import keep_freed_memory
from deploy.host.engine.plan import Plan, Stage
from deploy.host.engine.pull import Pull, Pulled
from deploy.host.engine.worker import Task, Worker
from deploy.host.metadata.frame import Frame
from deploy.host.pipeline.description import Stream
from deploy.host.plugins.base import Plugin
from deploy.host.plugins.video.mxpi_rtspsrc import RtspSource
from deploy.sdk_codes import QUEUE_FULL, STREAM_NOT_EXIST, SdkFault

STOP_SECONDS = 0.8  # how long a stop waits for buffers in the stream
PARTNER_SECONDS = 3.0  # how long a full appsrc waits for the one that its buffers go together with
_WAITING_PER_WORKER = 4  # buffers of an appsrc that may wait in front of each worker


def core_count() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Source:
    """An appsrc: how many buffers it has taken, and the free places for those in the stream."""

    def __init__(self, name: str, places: int, leak: Leak) -> None:
        self.name = name
        self.leak = leak
        self.turn = threading.Lock()  # the order of taking is the order of the numbers
        self.count = 0
        self.places: SimpleQueue[None] = SimpleQueue()
        for _ in range(places):
            self.places.put(None)


class Engine:
    """A stream's plugins and workers. Raises SdkFault where a plugin cannot be created.

    Every buffer that `send` takes becomes part of a job, which is closed once it has passed all elements; a fault ends
    the buffer, not the stream. `results` has a queue for each appsink: the jobs that were sent to be fetched in order.
    Elements that pull video send it by themselves, from the start.
    """

    def __init__(self, stream: Stream) -> None:
        self.name = stream.name
        plugins: list[Plugin] = []
        self._plugins = plugins
        try:
            for element in stream.elements:
                plugins.append(plugin_for(element))
            self._plan = Plan(stream, plugins)
            for number, plugin in enumerate(plugins):
                plugin.inputs = self._plan.upstream_by_port(number)
                plugin.connect(self._plan.upstream(number), self._plan.downstream(number))
        except BaseException:
            for plugin in plugins:
                plugin.close()
            raise
        self.stopping = False
        self.sink_names = [step.plugin.name for step in self._plan.sink_steps]
        self.backlog = Backlog(len(self.sink_names))
        self.results: list[SimpleQueue[Job | None]] = [SimpleQueue() for _ in self.sink_names]
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._under_way: set[Job] = set()
        self._joining: dict[tuple[int, int], Job] = {}  # jobs that wait for a further appsrc, by group and number
        self._lock = threading.Lock()
        keep_freed_memory()
        cv2.setNumThreads(1)  # the workers keep the cores busy; more threads inside OpenCV only get in their way
        count = core_count() * (2 if any(plugin.waits for plugin in plugins) else 1)
        self._workers = [Worker(self, self._tasks, len(self._plan.timed)) for _ in range(count)]
        self._sources = [self._source(number, step.plugin.name) for number, step in enumerate(self._plan.source_steps)]
        steps = self._plan.source_steps
        self.source_names = [step.plugin.name for step in steps if not isinstance(step.plugin, RtspSource)]
        for worker in self._workers:
            worker.start()
        self._pulls = [
            Pull(self, number, step.plugin) for number, step in enumerate(steps) if isinstance(step.plugin, RtspSource)
        ]
        for pull in self._pulls:
            pull.start()

    def send(self, source: int, frame: Frame, in_order: bool) -> Job:
        """Take a buffer; blocks while the stream is full. `in_order`: its job goes to `results`, with metadata.

        Raises SdkFault 6002 once the stream is stopped, 5003 where results pile up or another appsrc, whose buffers
        this one's go together with, gets nothing.
        """
        entry = self._sources[source]
        if self.backlog.full:
            raise SdkFault(QUEUE_FULL, f"the stream {self.name} is full: too many results wait to be fetched")
        with entry.turn:
            leaks = self._take_place(entry, source)
            if self.stopping:
                entry.places.put(None)  # for the next one who waits
                raise self._gone()
            job, stage = self._job(source, in_order), self._plan.first_stage[source]
            if leaks:
                self._drop(job, f"{entry.leak.name} dropped the buffer: it is full and leaky")
                return job
            job.slots[self._plan.source_steps[source].inputs[0]] = frame
            with self._lock:
                job.sent += 1
            self._tasks.put((job, stage))
        if self.stopping:
            self._abandon()
        return job

    def stop(self) -> None:
        """Answer all buffers in the stream with code 6002 and end the workers; returns within about a second."""
        self.stopping = True
        for plugin in self._plugins:
            plugin.close()
        for step in self._plan.steps:
            if step.turnstile:
                step.turnstile.open()
        self._abandon()
        for results in self.results:
            results.put(None)
        for _ in self._workers:
            self._tasks.put(None)
        for source in self._sources:
            source.places.put(None)
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        for pull in self._pulls:
            pull.join(max(0.0, deadline - time.monotonic()))

    def done(self, job: Job, stage: Stage) -> list[Stage]:
        """Called by a worker when a stage of a job is finished. Returns the stages that can run now."""
        for turnstile in stage.turnstiles:
            turnstile.leave(job.number)
        job.end(stage.sinks)
        if len(job.group.stages) == 1:
            self._finish(job)
            return []
        ready = []
        with self._lock:
            for following in stage.leads_to:
                job.waiting[following.number] -= 1
                if job.waiting[following.number] == 0:
                    ready.append(following)
            job.unfinished -= 1
            finished = job.unfinished == 0
        if finished:
            self._finish(job)
        return ready

    def pulled(self) -> Pulled:
        """How far the elements are that pull video."""
        plugins = [pull.plugin for pull in self._pulls]
        return Pulled(
            all(pull.ended for pull in self._pulls) and not self._under_way,
            next((pull.why for pull in self._pulls if pull.why), ""),
            sum(plugin.dropped for plugin in plugins) + sum(pull.dropped for pull in self._pulls),
            sum(plugin.reconnected for plugin in plugins),
        )

    def milliseconds(self) -> dict[str, float]:
        """Mean wall time a frame in each element that works on it, since creation or the last reset; 0 for none."""
        means = {}
        for number, step in enumerate(self._plan.timed):
            seconds = sum(worker.seconds[number] for worker in self._workers)
            count = sum(worker.counts[number] for worker in self._workers)
            means[step.plugin.name] = 1000 * seconds / count if count else 0.0
        return means

    def reset_milliseconds(self) -> None:
        for worker in self._workers:
            worker.reset()

    def _source(self, number: int, name: str) -> _Source:
        step = self._plan.source_steps[number]
        leak = leak_behind(self._plan.steps, step) if len(self._plan.group_of[number].sources) == 1 else Leak()
        waiting = leak.size if leak.side else _WAITING_PER_WORKER * len(self._workers)
        return _Source(name, len(self._workers) + waiting, leak)

    def _take_place(self, entry: _Source, source: int) -> bool:
        """Wait for a free place. True where a leaky queue lets the new buffer go instead."""
        if not entry.leak.side:
            alone = len(self._plan.group_of[source].sources) == 1
            try:
                entry.places.get(timeout=None if alone else PARTNER_SECONDS)
            except Empty:
                raise SdkFault(
                    QUEUE_FULL,
                    f"{entry.name} is full: its buffers are joined with those of another appsrc, which got fewer",
                ) from None
            return False
        with suppress(Empty):
            entry.places.get_nowait()
            return False
        if entry.leak.drops_new:
            return True
        with suppress(Empty):
            task = self._tasks.get_nowait()
            if task is None:  # meant for a worker
                self._tasks.put(None)
            else:
                self._drop(task[0], f"{entry.leak.name} dropped the buffer for a newer one: it is full and leaky")
                return False  # the place is the new one's
        entry.places.get()
        return False

    def _job(self, source: int, in_order: bool) -> Job:
        """The job of an appsrc's next buffer; a new one unless another appsrc of the group has begun it."""
        entry, group = self._sources[source], self._plan.group_of[source]
        number = entry.count
        entry.count += 1
        if len(group.sources) == 1:
            return self._new_job(source, number, in_order)
        with self._lock:
            key = (group.sources[0], number)
            job = self._joining.get(key)
            if job is None:
                job = self._joining[key] = self._new_job(source, number, in_order)
            return job

    def _new_job(self, source: int, number: int, in_order: bool) -> Job:
        job = Job(self._plan.group_of[source], number, self._plan.slots, self.backlog, in_order)
        self._under_way.add(job)
        if in_order:
            for sink in job.group.sinks:
                self.results[sink].put(job)
        return job

    def _finish(self, job: Job) -> None:
        self._under_way.discard(job)
        self._joining.pop((job.group.sources[0], job.number), None)
        for source in job.group.sources:
            self._sources[source].places.put(None)
        job.slots = []

    def _drop(self, job: Job, why: str) -> None:
        """A job that will not be carried."""
        job.skip(SdkFault(QUEUE_FULL, why))
        for stage in job.group.stages:
            for turnstile in stage.turnstiles:
                turnstile.leave(job.number)
        self._under_way.discard(job)

    def _abandon(self) -> None:
        """Answer all jobs in the stream; workers leave theirs at the next element."""
        while self._under_way:
            with suppress(KeyError):
                self._under_way.pop().abort(self._gone())

    def _gone(self) -> SdkFault:
        return SdkFault(STREAM_NOT_EXIST, f"the stream {self.name} was destroyed")
