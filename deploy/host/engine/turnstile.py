"""Lets frames pass an element in the order in which they were sent, although several workers carry them."""

from __future__ import annotations

import threading


class Turnstile:
    """Frames are numbered 0, 1, 2...; each number must `leave` once, whether or not it has entered.

    A thread may wait for all lower numbers, so they must be in the stream by then: workers take frames in the order
    of their numbers.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._next = 0
        self._gone: set[int] = set()
        self._open = False

    def enter(self, number: int) -> bool:
        """Wait until all lower numbers have left. False where the stream is being stopped."""
        with self._change:
            self._change.wait_for(lambda: self._open or self._next >= number)
            return not self._open

    def leave(self, number: int) -> None:
        with self._change:
            self._gone.add(number)
            while self._next in self._gone:
                self._gone.remove(self._next)
                self._next += 1
            self._change.notify_all()

    def open(self) -> None:
        """Let all threads pass from now on."""
        with self._change:
            self._open = True
            self._change.notify_all()
