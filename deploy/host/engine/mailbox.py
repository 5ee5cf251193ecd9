"""Who gets which result: in the order of sending, or by unique id."""

from __future__ import annotations

import itertools
import threading
import time
from queue import Empty

from deploy.host.engine.engine import Engine
from deploy.host.engine.job import Job, Result
from deploy.host.log import log
from deploy.host.metadata.frame import Frame
from deploy.sdk_codes import (
    ELEMENT_NOT_EXIST,
    NO_EXIST,
    STREAM_NOT_EXIST,
    STREAM_TIMEOUT,
    TRANS_MODE_NOT_MATCHED,
    SdkFault,
)

_LOOK_SECONDS = 1.0  # how often it is looked whether a buffer still waits for the elements alone
IN_ORDER, BY_ID = "SendData and GetResult", "SendDataWithUniqueId and GetResultWithUniqueId"


class Mailbox:
    """Sends buffers into an engine and hands out what comes of them.

    The first send decides between the two ways; the other one is refused from then on (6008), as in the SDK.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._mode = ""
        self._sinks = [_Sink() for _ in engine.sink_names]
        self._by_id: dict[int, Job] = {}
        self._ids = itertools.count()
        self._said_that_it_waits = False

    def send(self, source: int, frame: Frame) -> None:
        """Raises SdkFault 6008 for the wrong way, else as Engine.send."""
        self._check(IN_ORDER, sets=True)
        self.engine.send(source, frame, in_order=True)

    def send_with_id(self, source: int, frame: Frame) -> int:
        """Returns the buffer's id, 0 or more. Raises as `send`."""
        self._check(BY_ID, sets=True)
        job = self.engine.send(source, frame, in_order=False)
        unique_id = next(self._ids)
        self._by_id[unique_id] = job
        return unique_id

    def result(self, sink: int, seconds: float, patient: bool = False) -> Result:
        """The next result of an appsink. Raises SdkFault 6010 where it takes longer, 6008 for the wrong way.

        `patient`: the elements have as long as they need for what was sent; the limit is for what nobody sends.
        """
        self._check(IN_ORDER)
        if not 0 <= sink < len(self._sinks):
            names = ", ".join(f"{number} {name}" for number, name in enumerate(self.engine.sink_names)) or "none"
            raise SdkFault(ELEMENT_NOT_EXIST, f"there is no appsink {sink}; the stream has {names}")
        entry, deadline = self._sinks[sink], time.monotonic() + seconds
        if not entry.turn.acquire(timeout=max(0.0, seconds)):
            raise _late(seconds)
        try:
            result = None
            while result is None:
                job = entry.job or self.engine.results[sink].get(timeout=max(0.0, deadline - time.monotonic()))
                if job is None:
                    self.engine.results[sink].put(None)
                    raise self._destroyed()
                entry.job = job
                result = self._reply(job, sink, deadline, seconds, patient)
                if result is None:  # that job is finished
                    entry.job = None
        except Empty:
            raise _late(seconds) from None
        finally:
            entry.turn.release()
        self.engine.backlog.remove(sink, result)
        return result

    def result_with_id(self, unique_id: int, seconds: float, patient: bool = False) -> Result:
        """The first result of one buffer. After a timeout (6010) it is dropped, as in the SDK; 1016: no such id.

        `patient` as in `result`.
        """
        self._check(BY_ID)
        job = self._by_id.pop(unique_id, None)
        if job is None:
            raise SdkFault(NO_EXIST, f"no image with the unique id {unique_id} is in the stream or waits to be fetched")
        if not job.replies:
            raise SdkFault(ELEMENT_NOT_EXIST, f"no appsink follows the appsrc of the stream {self.engine.name}")
        (sink,) = job.replies
        try:
            result = self._reply(job, sink, time.monotonic() + seconds, seconds, patient)
        except Empty:
            raise _late(seconds) from None
        else:
            if result is None:
                raise SdkFault(STREAM_TIMEOUT, "there is no result: an element dropped the buffer")
            self.engine.backlog.remove(sink, result)
            return result
        finally:
            job.forget()

    def _reply(self, job: Job, sink: int, deadline: float, seconds: float, patient: bool) -> Result | None:
        """The next result of a job; None: there is no further one. Raises Empty."""
        while True:
            try:
                return job.replies[sink].get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                if not patient or not job.complete:
                    raise
            if not self._said_that_it_waits:
                self._said_that_it_waits = True
                log.warning(
                    "%s: this machine is slower than a chip: results may take longer than the %.0f ms that were given",
                    self.engine.name,
                    seconds * 1000,
                )
            deadline = time.monotonic() + _LOOK_SECONDS

    def close(self) -> None:
        """Stop the engine and wake all threads that wait for a result."""
        self.engine.stop()

    def _check(self, mode: str, sets: bool = False) -> None:
        if sets and not self._mode:
            self._mode = mode
        if self._mode and self._mode != mode:
            raise SdkFault(
                TRANS_MODE_NOT_MATCHED, f"the stream {self.engine.name} is used with {self._mode}; it cannot change"
            )

    def _destroyed(self) -> SdkFault:
        return SdkFault(STREAM_NOT_EXIST, f"the stream {self.engine.name} was destroyed")


class _Sink:
    """An appsink: the job whose results come next, and whose turn it is to fetch one."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.job: Job | None = None


def _late(seconds: float) -> SdkFault:
    return SdkFault(STREAM_TIMEOUT, f"no result within {seconds * 1000:.0f} ms")
