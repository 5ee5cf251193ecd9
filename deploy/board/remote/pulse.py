"""Says that the program is at work while it has no answer yet, so that the laptop can tell slow from silent."""

import threading

SECONDS = 10


class Pulse:
    """Sends the event "alive" every SECONDS while the block lasts."""

    def __init__(self, wire):
        self._wire = wire
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _beat(self):
        while not self._ended.wait(SECONDS):
            try:
                self._wire.send(event="alive")
            except (OSError, ValueError):
                return  # the laptop has gone; who reads next finds out
