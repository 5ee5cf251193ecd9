"""Messages between laptop and board: one line of JSON each, and behind some of them as many bytes as they announce."""

import json
import signal
import threading

LONGEST = 64 << 20
"""Bytes of one message at most."""
CHUNK = 1 << 16
SILENCE = 600
"""Seconds that the other side may be silent, or not read, before the program gives up and frees its lock."""


class Fault(Exception):
    """Ends the conversation with a sentence for the user; `kind` is "environment", "data", "usage" or "model"."""

    def __init__(self, kind, sentence):
        Exception.__init__(self, sentence)
        self.kind = kind
        self.sentence = sentence


class Wire:
    """The board's end: two binary streams. Raises EOFError where the other side has gone."""

    def __init__(self, source, sink):
        self.source = source
        self.sink = sink
        self.alone = threading.RLock()
        """Held by who writes, and around several writes that belong together."""

    def receive(self):
        with _Patience():
            line = self.source.readline(LONGEST)
        if not line.endswith(b"\n"):
            raise EOFError
        message = json.loads(line.decode("utf-8"))
        if not isinstance(message, dict):
            raise Fault("usage", "a message is no object")
        return message

    def read(self, size):
        """`size` bytes in pieces; the last piece is short, or missing, where the other side goes."""
        while size > 0:
            with _Patience():
                piece = self.source.read(min(size, CHUNK))
            if not piece:
                raise EOFError
            size -= len(piece)
            yield piece

    def send(self, **message):
        self.write(json.dumps(message).encode("ascii") + b"\n")

    def write(self, data):
        with self.alone, _Patience():
            self.sink.write(data)
            self.sink.flush()


class _Patience:
    """Ends the process by SIGALRM when what is inside takes longer than SILENCE."""

    def __enter__(self):
        signal.alarm(SILENCE)

    def __exit__(self, *_):
        signal.alarm(0)
