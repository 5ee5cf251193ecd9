"""How ATC ended where it did not end by itself: by a signal, which its exit status shows.

`atc` is a shell script around the compiler, so a signal that ends the compiler arrives as 128 and its number.
"""

from __future__ import annotations

import re
import signal

from deploy.atc.remedies import LINT, PLOG
from deploy.atc.said import explained, last_words

_WORDS = {
    "Segmentation fault": signal.SIGSEGV,
    "Aborted": signal.SIGABRT,
    "Killed": signal.SIGKILL if hasattr(signal, "SIGKILL") else 9,
    "Illegal instruction": signal.SIGILL,
    "Floating point exception": signal.SIGFPE,
    "Bus error": getattr(signal, "SIGBUS", 7),
    "Trace/breakpoint trap": getattr(signal, "SIGTRAP", 5),
}
_CRASH = re.compile(rf"(?:^|:\s*(?:line \d+:\s*)?(?:\d+\s+)?)({'|'.join(map(re.escape, _WORDS))})\b", re.MULTILINE)
_OPERATOR = (
    "such a crash often comes from an operator that ATC reads wrongly; a NonMaxSuppression with fewer than 5 inputs "
    f"is known for it: see what {LINT} says, and let its --fix cut the graph at its heads"
)
_MEMORY = "most often the machine is short of memory: close other programs, add swap, or build on a larger machine"
_OTHER_CPU = "this CANN was built for another processor than this machine's; install the one for this machine"
_REMEDIES = {4: _OTHER_CPU, 6: f"{_MEMORY}; else {_OPERATOR}", 9: _MEMORY}
_ENDED = {1: "hung up", 2: "interrupted", 15: "terminated"}


def crash(status: int, output: str) -> str:
    """A sentence for an ATC that a signal ended; empty where it ended by itself. `status` is that of subprocess."""
    number = _signal(status, output)
    if not number:
        return ""
    if number in _ENDED:
        return f"ATC was {_ENDED[number]} (signal {number}) before it was done. What to do: build again"
    words = last_words("\n".join(line for line in output.splitlines() if not _CRASH.search(line)))
    verb = "was killed" if number == 9 else "crashed"
    if not words:
        remedy = _REMEDIES.get(number, _OPERATOR)
        return f"ATC {verb} (signal {number}, {_name(number)}) without a word. What to do: {remedy}; {PLOG}"
    said = explained(output)
    if re.match(r"[EW][0-9A-Z]\d{4}: ", said):
        return f"ATC {verb} (signal {number}, {_name(number)}) after {said}"
    remedy = _REMEDIES.get(number, _OPERATOR)
    return f"ATC {verb} (signal {number}, {_name(number)}); it said last: {words}. What to do: {remedy}; {PLOG}"


def _signal(status: int, output: str) -> int:
    if status < 0:
        return -status
    if status > 128 and status - 128 in set(signal.Signals):
        return status - 128
    match = _CRASH.search(output) if status else None
    return int(_WORDS[match.group(1)]) if match else 0


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
