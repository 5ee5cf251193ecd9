"""Who gets which answer: in the order of sending, or by unique id."""

from __future__ import annotations

import itertools
import threading
import time
from queue import Empty, SimpleQueue

from deploy.host.engine import Engine
from deploy.host.frame import Frame
from deploy.sdk_codes import NO_EXIST, STREAM_NOT_EXIST, STREAM_TIMEOUT, TRANS_MODE_NOT_MATCHED, SdkFault

IN_ORDER, BY_ID = "SendData and GetResult", "SendDataWithUniqueId and GetResultWithUniqueId"


class Mailbox:
    """Sends frames into an engine and keeps their answers until someone asks.

    The first send decides between the two ways; the other one is refused from then on (6008), as in the SDK.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._mode = ""
        self._sent: SimpleQueue[Frame | None] = SimpleQueue()
        self._oldest: Frame | None = None
        self._turn = threading.Lock()
        self._send_turn = threading.Lock()
        self._by_id: dict[int, Frame] = {}
        self._ids = itertools.count()

    def send(self, data: bytes) -> None:
        """Raises SdkFault 6008 for the wrong way, 6002 once the stream is stopped."""
        self._check(IN_ORDER, sets=True)
        frame = Frame(data)
        with self._send_turn:  # the order of the answers is the order in which the engine took the frames
            self.engine.send(frame)
            self._sent.put(frame)

    def send_with_id(self, data: bytes) -> int:
        """Returns the frame's id, 0 or more. Raises as `send`."""
        self._check(BY_ID, sets=True)
        frame = Frame(data)
        self.engine.send(frame)
        unique_id = next(self._ids)
        self._by_id[unique_id] = frame
        return unique_id

    def result(self, seconds: float) -> tuple[int, bytes]:
        """The answer to the oldest frame sent. Raises SdkFault 6010 where it takes longer, 6008 for the wrong way."""
        self._check(IN_ORDER)
        deadline = time.monotonic() + seconds
        if not self._turn.acquire(timeout=max(0.0, seconds)):
            raise _late(seconds)
        try:
            frame = self._oldest or self._sent.get(timeout=max(0.0, deadline - time.monotonic()))
            if frame is None:  # closed
                self._sent.put(None)
                raise SdkFault(STREAM_NOT_EXIST, f"the stream {self.engine.name} was destroyed")
            self._oldest = frame
            answer = frame.reply.get(timeout=max(0.0, deadline - time.monotonic()))
            self._oldest = None
            return answer
        except Empty:
            raise _late(seconds) from None
        finally:
            self._turn.release()

    def result_with_id(self, unique_id: int, seconds: float) -> tuple[int, bytes]:
        """The answer to one frame. After a timeout (6010) it is dropped, as in the SDK; 1016 for an unknown id."""
        self._check(BY_ID)
        frame = self._by_id.pop(unique_id, None)
        if frame is None:
            raise SdkFault(NO_EXIST, f"no picture with the unique id {unique_id} is under way or waits to be fetched")
        try:
            return frame.reply.get(timeout=max(0.0, seconds))
        except Empty:
            raise _late(seconds) from None

    def close(self) -> None:
        """Stop the engine and wake whoever waits for an answer."""
        self.engine.stop()
        self._sent.put(None)

    def _check(self, mode: str, sets: bool = False) -> None:
        if sets and not self._mode:
            self._mode = mode
        if self._mode and self._mode != mode:
            raise SdkFault(
                TRANS_MODE_NOT_MATCHED, f"the stream {self.engine.name} is used with {self._mode}; it cannot change"
            )


def _late(seconds: float) -> SdkFault:
    return SdkFault(STREAM_TIMEOUT, f"no result within {seconds * 1000:.0f} ms")
