"""The conversation: one request of the laptop after another, each answered, until the connection ends."""

import os
import sys

from deploy.board.remote import probe, runner
from deploy.board.remote.pulse import Pulse
from deploy.board.remote.store import Store
from deploy.board.remote.wire import Fault, Wire

PROTOCOL = 1
FILE_MODES = 0o027
"""Nothing for others: the SDK refuses models that they may read."""


def main():
    """Speak on stdin and stdout. A fault is told and ends the conversation, as its end does."""
    os.umask(FILE_MODES)
    wire = Wire(sys.stdin.buffer, sys.stdout.buffer)
    sys.stdout = sys.stderr
    try:
        # The first line ends whatever a login script of the board has printed.
        wire.write(b"\n")
        wire.send(event="hello", protocol=PROTOCOL)
        _Conversation(wire).go_on()
    except Fault as fault:
        wire.send(event="fault", kind=fault.kind, sentence=fault.sentence)
    except (EOFError, BrokenPipeError):
        pass


class _Conversation:
    def __init__(self, wire):
        self.wire = wire
        self._store = None

    def go_on(self):
        while True:
            request = self.wire.receive()
            if request.get("do") == "put":
                self._put(request)
                continue
            with Pulse(self.wire):
                answer = getattr(self, "do_" + str(request.get("do")), self._unknown)(request)
            self.wire.send(event="done", **answer)

    def _unknown(self, request):
        raise Fault("usage", "there is no request %r" % (request.get("do"),))

    @property
    def store(self):
        if self._store is None:
            raise Fault("usage", "the folder has to be opened first")
        return self._store

    def do_facts(self, request):
        return {"facts": probe.collect(request["env"], request["python"], request["root"])}

    def do_open(self, request):
        self._store = Store(request["root"])
        return {"current": self.store.current(), "previous": self.store.previous(), "root": self.store.root}

    def do_plan(self, request):
        return self.store.plan(request["area"], request["files"])

    def _put(self, request):
        """No answer, and no pulse: the laptop sends file after file without listening, and asks once at the end."""
        self.store.put(request["number"], request["offset"], self.wire.read(request["size"]))

    def do_received(self, request):
        return self.store.received()

    def do_commit(self, request):
        return self.store.commit()

    def do_rollback(self, request):
        return self.store.rollback()

    def do_run(self, request):
        return runner.run(self.store, self.wire, request)

    def do_fetch(self, request):
        return runner.fetch(self.store, self.wire, request["folder"])
