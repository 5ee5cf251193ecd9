"""A worker: takes what was sent from the queue, one job at a time, and carries it through all elements."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Protocol

from deploy.host.engine.job import Job
from deploy.host.engine.plan import Stage, Step
from deploy.host.metadata.frame import Frame
from deploy.sdk_codes import INNER, SdkFault

Task = tuple[Job, Stage]
CAUGHT = (Exception, SystemExit)
"""What a plugin may raise, a user's Python code that calls sys.exit included: a fault of the buffer."""


class Owner(Protocol):
    """What a worker needs of its engine."""

    stopping: bool

    def done(self, job: Job, stage: Stage) -> list[Stage]:
        """A stage is finished; returns the stages that can run now."""


class Worker(threading.Thread):
    """`seconds` and `counts` are wall time and frames of each timed element, frames that failed there left out."""

    def __init__(self, owner: Owner, tasks: SimpleQueue[Task | None], timed: int) -> None:
        super().__init__(name="deploy.host", daemon=True)
        self._owner = owner
        self._tasks = tasks
        self._timed = timed
        self.reset()

    def reset(self) -> None:
        self.seconds = [0.0] * self._timed
        self.counts = [0] * self._timed

    def run(self) -> None:
        while True:
            task = self._tasks.get()
            if task is None:
                return
            job, stage = task
            ready = [stage]
            while ready:  # a stage that becomes ready is not queued: the jobs behind it may wait for it
                stage = ready.pop()
                try:
                    self._carry(job, stage.steps, 0, job.slots)
                except BaseException as error:  # a worker that died would leave its job, and all behind it, unanswered
                    job.abort(SdkFault(INNER, f"internal error, {type(error).__name__}: {error}"))
                ready += self._owner.done(job, stage)
            del task, job  # or what it holds stays until the next one comes

    def _carry(self, job: Job, steps: list[Step], start: int, slots: list[Frame | None]) -> None:
        for number in range(start, len(steps)):
            if self._owner.stopping:
                return
            step = steps[number]
            if step.turnstile and not step.turnstile.enter(job.number):
                return
            frame = _arriving(slots, step.inputs)
            if frame is None:
                continue
            if step.sink >= 0:
                job.deliver(step.sink, frame)
            elif step.clock < 0 or (frame.fault and not step.plugin.takes_faults):
                _hand_on(slots, step, frame)
            elif step.plugin.expands:
                for index, made in enumerate(self._expanded(step, frame)):
                    branch: list[Frame | None] = slots if index == 0 else [None] * len(slots)
                    _hand_on(branch, step, made)
                    self._carry(job, steps, number + 1, branch)
                return
            else:
                self._work(slots, step, frame)

    def _work(self, slots: list[Frame | None], step: Step, frame: Frame) -> None:
        begin = time.perf_counter()
        try:
            if step.plugin.routes:
                leaving = step.plugin.route(frame, len(step.outputs))
            else:
                step.plugin.process(frame)
        except CAUGHT as error:
            frame.fail(_fault(step, error))
        else:
            self.seconds[step.clock] += time.perf_counter() - begin
            self.counts[step.clock] += 1
            if step.plugin.routes:
                for slot, one in zip(step.outputs, leaving):
                    slots[slot] = one
                return
        _hand_on(slots, step, frame)

    def _expanded(self, step: Step, frame: Frame) -> Iterator[Frame]:
        begin = time.perf_counter()
        try:
            for made in step.plugin.expand(frame):
                self.seconds[step.clock] += time.perf_counter() - begin
                self.counts[step.clock] += 1
                yield made
                if self._owner.stopping:
                    return
                begin = time.perf_counter()
        except CAUGHT as error:
            frame.fail(_fault(step, error))
            yield frame


def _arriving(slots: list[Frame | None], inputs: list[int]) -> Frame | None:
    """The frame at an element's inputs, several merged to one: all metadata, and the buffer of the first."""
    if len(inputs) == 1:
        frame, slots[inputs[0]] = slots[inputs[0]], None
        return frame
    frame = None
    for slot in inputs:
        other, slots[slot] = slots[slot], None
        if frame is None or other is None:
            frame = frame or other
            continue
        for key, value in other.metadata.items():
            frame.metadata.setdefault(key, value)
        if other.fault:
            frame.fail(other.fault)
    return frame


def _hand_on(slots: list[Frame | None], step: Step, frame: Frame) -> None:
    outputs, meta = step.outputs, step.meta_outputs
    for slot in outputs[1:]:
        slots[slot] = frame.branch()
    for slot in meta:
        slots[slot] = branch = frame.branch()
        branch.buffer = b""
    if outputs:
        slots[outputs[0]] = frame


def _fault(step: Step, error: BaseException) -> SdkFault:
    """The error as a fault of the buffer, because no error may end the stream."""
    if isinstance(error, SdkFault):
        return error
    return SdkFault(INNER, f"{step.plugin.name}: internal error, {type(error).__name__}: {error}")
