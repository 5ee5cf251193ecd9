"""What people see on stderr while a command runs: notes, the progress of long work, and how it ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader
from types import FrameType
from typing import TextIO

from compute_mAP.terminal import flush_stdout, give_up_stdout
from deploy.errors import EnvironmentFault, ReportedError

LIVE_SECONDS, QUIET_SECONDS = 0.25, 10.0
"""Between two lines of progress on a terminal, and where stderr is a file."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a sentence about what has been done by then."""


UNTOUCHED = "what was there before is untouched"


def note(sentence: str) -> None:
    _say(f"note: {sentence}")


def exit_code(command: Callable[[], None], interrupted: str = UNTOUCHED) -> int:
    """Run a command to its end. Returns 0, or what its error says after one sentence on stderr; 130 after Ctrl-C, with
    the sentence `interrupted`, unless the command raises another one.

    Libraries turn the exception of Ctrl-C into others or swallow it; here it counts whether there was one.
    """
    with _watched() as stop:
        try:
            code = _run(command, interrupted, stop.nested)
        except BaseException:
            if not stop.asked or stop.nested:
                raise
            code = 130
            _interrupted(interrupted)
        if stop.asked and code != 130 and not stop.nested:
            _interrupted(interrupted) if code else _say("interrupted at its end; what was asked for is done")
            code = 130
    return code


def _run(command: Callable[[], None], interrupted: str, nested: bool) -> int:
    try:
        command()
        flush_stdout()
    except ReportedError as fault:
        _say(f"error: {fault}")
        return fault.exit_code
    except KeyboardInterrupt as stop:
        if nested:  # the command around it says so
            raise
        _interrupted(f"{stop if isinstance(stop, Interrupted) else interrupted}")
        return 130
    except BrokenPipeError:
        give_up_stdout()
        return 1
    except OSError as fault:
        give_up_stdout()
        where = f"{fault.filename}: " if fault.filename else ""
        _say(f"error: {where}{fault.strerror or fault}")
        return 1
    except ImportError as fault:
        if (fault.name or "").partition(".")[0] in _OURS:
            raise
        _say(f"error: a Python package that is installed here cannot be imported: {_first_line(fault)}")
        return EnvironmentFault.exit_code
    except (MemoryError, RuntimeError) as fault:
        if not _wants_memory(fault):
            raise
        give_up_stdout()
        _say(f"error: the memory that this may use does not suffice ({_first_line(fault)})")
        return 1
    return 0


_OURS = ("compress", "deploy", "compute_mAP")
_NO_MEMORY = ("allocate memory", "out of memory", "bad_alloc", "insufficient memory", "start new thread")
"""What libraries say in errors of their own kinds where there is none left."""


def _wants_memory(fault: BaseException) -> bool:
    text = str(fault).lower()
    return isinstance(fault, MemoryError) or any(words in text for words in _NO_MEMORY)


def _first_line(fault: BaseException) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:200]


interrupted_said = False
"""Whether the sentence about Ctrl-C was said."""


def _interrupted(sentence: str) -> None:
    global interrupted_said
    interrupted_said = True
    _say(f"interrupted; {sentence}")


def _say(line: str) -> None:
    with suppress(OSError, ValueError):  # where stderr takes nothing, there is nobody to tell
        print(line, file=sys.stderr)


@dataclass
class _Stop:
    asked: bool = False
    nested: bool = False


_running: list[_Stop] = []


@contextmanager
def _watched() -> Iterator[_Stop]:
    """Note every Ctrl-C, where Python's own handler is the one that gets it (not under nohup, not in threads)."""
    stop = _Stop(nested=bool(_running))
    _running.append(stop)

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        stop.asked = True
        if _imports_an_extension(frame):
            later = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT))
            later.daemon = True
            later.start()
        else:
            signal.default_int_handler(number, frame)

    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        _running.remove(stop)
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _imports_an_extension(frame: FrameType | None) -> bool:
    """Whether a module in C or C++ is being set up: an exception in the middle of that crashes some of them."""
    while frame is not None:
        step = frame.f_code.co_name
        if step in ("create_module", "exec_module") and isinstance(frame.f_locals.get("self"), ExtensionFileLoader):
            return True
        frame = frame.f_back
    return False


def can_rewrite(stream: TextIO) -> bool:
    """Whether a line on it can be written over: on a terminal, and below a cell of a notebook, which is no terminal."""
    return stream.isatty() or type(stream).__module__.startswith("ipykernel.")


class StatusLine:
    """How far something is, on stderr: one line, rewritten where possible; elsewhere a new line every QUIET_SECONDS."""

    def __init__(self) -> None:
        self.live = can_rewrite(sys.stderr)
        self._shown_at = time.perf_counter()
        self._line = ""

    def is_due(self) -> bool:
        """Whether it is time to show another line."""
        return time.perf_counter() - self._shown_at >= (LIVE_SECONDS if self.live else QUIET_SECONDS)

    def show(self, line: str) -> None:
        self._shown_at = time.perf_counter()
        if self.live:
            # Blanks wipe out what is left of a longer line before.
            print("\r" + line.ljust(len(self._line)), end="", file=sys.stderr, flush=True)
            self._line = line
        else:
            print(line, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room for something else on a terminal."""
        if self._line:
            print("\r" + " " * len(self._line) + "\r", end="", file=sys.stderr)
            self._line = ""


class Progress:
    """Counts images (or another `unit`) of `total`; `verb` says what happens to them. Not drawn on a terminal that
    shows results too.

    `done` of them were finished before.
    """

    def __init__(
        self, verb: str, total: int, results_on_terminal: bool = False, done: int = 0, unit: str = "images"
    ) -> None:
        self._verb = verb
        self._unit = unit
        self._total = total
        self._done = self._before = done
        self._start = time.perf_counter()
        self._status = StatusLine()
        self._silent = results_on_terminal and self._status.live

    def step(self) -> None:
        """One more image is finished."""
        self._done += 1
        if self._silent or not self._status.is_due():
            return
        rate = (self._done - self._before) / (time.perf_counter() - self._start)
        left = (self._total - self._done) / rate
        self._status.show(f"{self._verb} {self._done}/{self._total}, {rate:.1f} {self._unit}/s, {clock(left)} left")

    def fault(self, name: str, sentence: str) -> None:
        """Say why an image failed."""
        self._status.clear()
        print(f"image {name} failed: {sentence}", file=sys.stderr)

    def finish(self) -> None:
        """Say how long it took."""
        self._status.clear()
        seconds = time.perf_counter() - self._start
        rate = (self._done - self._before) / max(seconds, 1e-9)
        print(f"{self._verb} {self._done} {self._unit} in {clock(seconds)}, {rate:.1f} {self._unit}/s", file=sys.stderr)


def clock(seconds: float) -> str:
    """A duration as people say it: "1 h 02 min", "3 min 05 s", "0.5 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.3g} s"
