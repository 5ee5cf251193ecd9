"""One connection to the program on the board: requests go out, answers come back, none of them trusted."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from deploy.board import ssh
from deploy.board.patience import Patience
from deploy.board.text import cleaned
from deploy.errors import DataError, EnvironmentFault, ModelError, ReportedError, UsageError

REMOTE = Path(__file__).resolve().parent / "remote"
PACKAGE = "deploy.board.remote"
MODULES = ("wire", "pulse", "environment", "files", "probe", "store", "runner", "agent")
"""In the order of their imports; the last is run."""
PROTOCOL = 1
# Runs what follows it on the standard input: a length, then that many bytes of JSON, [module, source] each.
LAUNCHER = """
import json, sys, types
stream = sys.stdin.buffer
for name, source in json.loads(stream.read(int(stream.readline())).decode()):
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = []
    above, _, own = name.rpartition(".")
    if above:
        setattr(sys.modules[above], own, module)
    exec(compile(source, name, "exec"), module.__dict__)
module.main()
"""
LONGEST_NOISE = 1 << 20
LONGEST_ANSWER = 64 << 20
LONGEST_WORDS = 1 << 16
GREETING_SECONDS = 60.0
"""How long it may take until the program on the board speaks; ssh itself gives up earlier where nobody answers."""
ANSWER_SECONDS = 600.0
"""How long an answer may take where nobody says otherwise."""
SEND_SECONDS = 300.0
"""How long the board may take no bytes: it hashes what has come before it reads on."""
SLOWEST = 20_000
"""Bytes a second of the slowest connection that is waited for."""
MOST_PULSES = 100_000
"""Signs of life before one answer."""
MOST_LAST_WORDS = 1000
"""Messages that are read from a board that stopped listening."""
FAREWELL_SECONDS = 5.0
"""How long ssh may take to end by itself."""
_FAULTS = {"data": DataError, "usage": UsageError, "model": ModelError, "environment": EnvironmentFault}


class ConnectionLost(EnvironmentFault):
    """The connection broke after it had been made: what was going on can go on in another one."""


class Link:
    """To be used in a `with` block. Raises EnvironmentFault without a connection, ConnectionLost where it breaks."""

    def __init__(self, host: str, options: Sequence[str] = ()) -> None:
        self.host = host
        self._words = b""
        self._process = subprocess.Popen(
            ssh.command(host, options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdin and self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout
        self._patience = Patience(self._process.kill)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Link:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; the program on the board ends with it."""
        self._patience.close()
        with contextlib.suppress(OSError):
            self._in.close()
        try:
            self._process.wait(FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(5)
        self._out.close()

    def ask(self, do: str, seconds: float = ANSWER_SECONDS, **values: Any) -> dict[str, Any]:
        """Send a request and wait for its answer; lines and files in between are an error."""
        self.tell(do, **values)
        return self.answer(seconds)

    def tell(self, do: str, **values: Any) -> None:
        self.send(json.dumps({"do": do, **values}).encode("ascii") + b"\n")

    def send(self, data: bytes) -> None:
        """Raises what the board says about its end, or ConnectionLost."""
        try:
            with self._patience.waiting(SEND_SECONDS, SEND_SECONDS, "read what it is sent"):
                self._in.write(data)
                self._in.flush()
        except OSError:
            self._raise_last_words()

    def answer(self, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        message = self.event(seconds)
        if message["event"] != "done":
            raise self.nonsense(f"an event {cleaned(message['event'], 40)!r} where an answer was expected")
        return message

    def event(self, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """The next message: "line", "file" or "done". Raises the error that the board reports, and EnvironmentFault
        where none comes within `seconds`."""
        with self._patience.waiting(seconds):
            for _ in range(MOST_PULSES):
                message = self._message()
                if message["event"] != "alive":
                    break
            else:
                raise self.nonsense("signs of life, but with no answer")
        if message["event"] == "fault":
            kind: type[ReportedError] = _FAULTS.get(str(message.get("kind")), EnvironmentFault)
            raise kind(cleaned(message.get("sentence"), 2000) or "the board reports a fault without a description")
        return message

    def _message(self) -> dict[str, Any]:
        line = self._out.readline(LONGEST_ANSWER)
        self._patience.heard()
        if not line.endswith(b"\n"):
            if len(line) == LONGEST_ANSWER:
                raise self.nonsense("a message without an end")
            raise self._lost()
        try:
            message = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise self.nonsense(
                f"a line that is no message, {cleaned(line[:80].decode('utf-8', 'replace'))!r}"
            ) from None
        if not isinstance(message, dict) or not isinstance(message.get("event"), str):
            raise self.nonsense("a message without an event")
        return message

    def read(self, size: int) -> Iterator[bytes]:
        """The bytes that a message announced."""
        with self._patience.waiting(ANSWER_SECONDS + size / SLOWEST, what=f"send {size} bytes"):
            while size > 0:
                piece = self._out.read1(min(size, 1 << 16))  # type: ignore[attr-defined]
                self._patience.heard()
                if not piece:
                    raise self._lost()
                size -= len(piece)
                yield piece

    def _greet(self) -> None:
        program = json.dumps(_program())
        too_late = threading.Event()

        def give_up() -> None:
            too_late.set()
            self._process.kill()

        patience = threading.Timer(GREETING_SECONDS, give_up)
        patience.start()
        try:
            self._await_greeting(program)
        except EnvironmentFault as fault:
            if too_late.is_set():
                raise EnvironmentFault(
                    f"{self.host} does not start our program within {GREETING_SECONDS:g} s; a login script there may "
                    "be waiting for input"
                ) from fault
            raise
        finally:
            patience.cancel()

    def _await_greeting(self, program: str) -> None:
        try:
            self._in.write(f"exec({LAUNCHER!r})\n{len(program)}\n{program}".encode("ascii"))
            self._in.flush()
        except OSError:
            pass  # why, ssh says on stderr
        noise = 0
        while noise < LONGEST_NOISE:
            line = self._out.readline(LONGEST_NOISE)
            if not line:
                raise EnvironmentFault(ssh.diagnosis(self.host, self._all_words()))
            noise += len(line)
            # Whatever the board's login scripts print comes before.
            if line.startswith(b'{"event": "hello"'):
                with contextlib.suppress(ValueError):
                    if json.loads(line).get("protocol") == PROTOCOL:
                        return
        raise self.nonsense("a lot of output, but no greeting from our program")

    def _raise_last_words(self) -> None:
        """The board stopped listening; if it said why, that is waiting to be read."""
        for _ in range(MOST_LAST_WORDS):
            if self.event()["event"] == "done":
                break
        raise self._lost()

    def _lost(self) -> EnvironmentFault:
        if self._patience.ended:
            return EnvironmentFault(f"{self.host} {self._patience.ended}; the connection was ended here")
        last = [line for line in (cleaned(entry) for entry in self._all_words().splitlines()) if line]
        return ConnectionLost(f"the connection to {self.host} broke" + (f": {last[-1]}" if last else ""))

    def nonsense(self, what: str) -> EnvironmentFault:
        return EnvironmentFault(f"{self.host} answers with {what}")

    def _listen(self) -> None:
        assert self._process.stderr
        with self._process.stderr as stream:
            for piece in iter(lambda: stream.read1(4096), b""):  # type: ignore[attr-defined]
                self._words = (self._words + piece)[-LONGEST_WORDS:]

    def _all_words(self) -> str:
        """What ssh said, once it has ended."""
        self._listener.join(10)
        return self._words.decode("utf-8", "replace")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _program() -> list[list[str]]:
    """[module, source] of the program for the board, packages first."""
    parts = PACKAGE.split(".")
    packages = [[".".join(parts[: i + 1]), ""] for i in range(len(parts))]
    return packages + [[f"{PACKAGE}.{name}", (REMOTE / f"{name}.py").read_text(encoding="utf-8")] for name in MODULES]
