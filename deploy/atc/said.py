"""What ATC says in many lines, as one sentence: the innermost reason that it names, and what to do about it.

An error of CANN is a line with a code, such as `E89999: Inner Error!`, then perhaps what happened, a cause, a solution
and a chain of callers, the innermost first (as its reports show). What matters is often the second line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from deploy.atc.remedies import PLOG, remedy

_CODE = re.compile(r"\b([EW][0-9A-Z][0-9]{4})\b(?![x\w])")
_PLACE = re.compile(r"\s*\[(?:FUNC|FILE|LINE|THREAD):[^\]]*\]")
_STAMP = re.compile(r"\[PID: ?\d+\]\s*|\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d[.\d]*\s*|\[(?:ERROR|WARNING|EVENT|INFO)\]\s*")
_EMPTY = re.compile(
    r"(?:inner[ _]error[.! ]*|unknown error occurred\.? ?(?:please check the log\.?)?|trace ?back.*|\.+|n/a)?",
    re.IGNORECASE,
)
_ADVICE = re.compile(r"\s*(possible cause|solution)s?\s*:", re.IGNORECASE)
_BANNER = re.compile(r"ATC start working now|ATC run (failed|success)|^\.+$|core dumped")
_PYTHON_ERROR = re.compile(r"[A-Za-z_.]*(?:Error|Exception)\b: ?\S")
_LONGEST = 400


class _Fault(NamedTuple):
    code: str
    message: str
    reason: str
    inner: bool


def explained(output: str) -> str:
    """ATC's line with an error code such as E10016, with the reason behind it, else its last words; what to do then."""
    faults = _faults(output)
    named = [fault for fault in faults if fault.code[0] == "E"]
    if named:
        fault = next((one for one in named if not one.inner), next((one for one in named if one.reason), named[0]))
        return _sentence(fault)
    words = last_words(output)
    warned = next((one for one in faults if one.code in words), None)
    if warned is not None:
        return _sentence(warned)
    return f"{(words or 'it says nothing').rstrip('.')}. What to do: {PLOG}"


def last_words(output: str) -> str:
    """The last line that is no banner of ATC's, shortened; empty where there is none."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return _short(next((line for line in reversed(lines) if not _BANNER.search(line)), ""))


def _sentence(fault: _Fault) -> str:
    parts = [part for part in (fault.message, fault.reason) if part]
    said = ": ".join(dict.fromkeys(part.rstrip(".:! ") for part in parts)) or "Inner Error, without a reason"
    return f"{fault.code}: {_short(said)}. What to do: {remedy(fault.code, *parts[::-1])}"


def _faults(output: str) -> list[_Fault]:
    """The errors in their order, each with what the lines up to the next one tell of its cause."""
    lines = output.splitlines()
    found: list[_Fault] = []
    position = 0
    while position < len(lines):
        match = _CODE.search(lines[position])
        if match is None:
            position += 1
            continue
        code = match.group(1)
        message = _meaning(lines[position][match.end() :])
        behind: list[str] = []
        chain = False
        position += 1
        while position < len(lines):
            other = _CODE.search(lines[position])
            if other is not None and (other.group(1) != code or message):
                break
            line = lines[position]
            chain = chain or "traceback" in line.lower().replace(" ", "")
            if not _BANNER.search(line) and not _ADVICE.match(line):
                text = _meaning(line[other.end() :] if other else line)
                # before the chain of callers, a meaningful line only explains itself
                if text and (chain or not message or other):
                    behind.append(text)
            position += 1
        # a chain of Python's ends with its innermost line, one of CANN's begins with it
        of_python = [text for text in behind if _PYTHON_ERROR.match(text)]
        found.append(_Fault(code, message, (of_python[-1:] or behind[:1] or [""])[0], code[2:] == "9999"))
    return found


def _meaning(text: str) -> str:
    """The line without its place in CANN's source and its stamps; empty where it says no more than that."""
    bare = _STAMP.sub("", _PLACE.sub("", text)).strip(" :\t")
    bare = re.sub(r"^\w+\([EW][0-9A-Z]\d{4}\):\s*", "", bare).strip()
    return "" if _EMPTY.fullmatch(bare) else bare


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
