"""What people see on stderr while a command runs: notes, the progress of long work, and how it ended."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from deploy.errors import ReportedError
from deploy.wording import printable

NEWLINE = "\n"
LIVE_SECONDS, QUIET_SECONDS = 0.25, 10.0
"""Between two lines of progress on a terminal, and where stderr is a file."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a sentence about what has been done by then."""


def note(sentence: str) -> None:
    print(f"note: {printable(sentence, NEWLINE)}", file=sys.stderr)


def exit_code(command: Callable[[], None]) -> int:
    """Run a command to its end. Returns 0, or what its error says after one sentence on stderr; 130 after Ctrl-C."""
    try:
        command()
    except ReportedError as fault:
        print(f"error: {printable(str(fault), NEWLINE)}", file=sys.stderr)
        return fault.exit_code
    except KeyboardInterrupt as stop:
        print(f"interrupted; {stop or 'what was there before is untouched'}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of stdout has gone; without this, Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as fault:
        where = f"{fault.filename}: " if fault.filename else ""
        print(f"error: {printable(f'{where}{fault.strerror or fault}')}", file=sys.stderr)
        return 1
    return 0


class StatusLine:
    """How far something is, on stderr: one line, rewritten on a terminal; elsewhere a new line every QUIET_SECONDS."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
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
    """Counts images of `total`; `verb` says what happens to them. Not drawn on a terminal that shows results too.

    `done` of them were finished before.
    """

    def __init__(self, verb: str, total: int, results_on_terminal: bool = False, done: int = 0) -> None:
        self._verb = verb
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
        self._status.show(f"{self._verb} {self._done}/{self._total}, {rate:.1f} images/s, {_clock(left)} left")

    def fault(self, name: str, sentence: str) -> None:
        """Say why an image failed."""
        self._status.clear()
        print(f"image {name} failed: {sentence}", file=sys.stderr)

    def finish(self) -> None:
        """Say how long it took."""
        self._status.clear()
        seconds = time.perf_counter() - self._start
        rate = (self._done - self._before) / max(seconds, 1e-9)
        print(f"{self._verb} {self._done} images in {_clock(seconds)}, {rate:.1f} images/s", file=sys.stderr)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.3g} s"
