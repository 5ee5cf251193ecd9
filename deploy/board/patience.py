"""How long the other end of a connection may keep us waiting."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SILENCE_SECONDS = 75.0
"""Between two signs of life. ssh itself notices a dead connection earlier, and the board's program says every ten
seconds that it is at work."""


class Patience:
    """Calls `give_up`, once, when what is waited for does not come in time. `ended` says why, "" until then."""

    def __init__(self, give_up: Callable[[], None]) -> None:
        self._give_up = give_up
        self._changed = threading.Condition()
        self._heard = 0.0
        self._silence = self._until = math.inf
        self._closed = False
        self.ended = ""
        threading.Thread(target=self._watch, daemon=True).start()

    @contextmanager
    def waiting(self, seconds: float, silence: float | None = None, what: str = "answer") -> Iterator[None]:
        """What happens inside may take that long in all, and be `silence` seconds (SILENCE_SECONDS) without a word."""
        now = time.monotonic()
        with self._changed:
            self._heard, self._until, self._what = now, now + seconds, what
            self._silence = SILENCE_SECONDS if silence is None else silence
            self._changed.notify()
        try:
            yield
        finally:
            self._until = self._silence = math.inf

    def heard(self) -> None:
        """Something came."""
        self._heard = time.monotonic()

    def close(self) -> None:
        """Nothing is waited for any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                if now >= self._until:
                    self.ended = f"takes too long to {self._what}"
                    break
                if now >= self._heard + self._silence:
                    self.ended = f"has been silent for {self._silence:g} s"
                    break
                due = min(self._until, self._heard + self._silence)
                self._changed.wait(None if due == math.inf else due - now)
        if self.ended:
            self._give_up()
