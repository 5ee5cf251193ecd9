"""Cleans text from a board for a terminal and a report."""

from __future__ import annotations

import re

LONGEST_LINE = 500
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[PX^_][^\x1b]*(\x1b\\)?|.?)", re.DOTALL)


def cleaned(text: object, longest: int = LONGEST_LINE) -> str:
    """One line without terminal escapes and control characters, cut to `longest`; "" for what is no text."""
    if not isinstance(text, str):
        return ""
    plain = _ESCAPES.sub("", text[: 4 * longest])
    line = "".join(sign if sign.isprintable() else " " for sign in plain).strip()
    return line if len(line) <= longest else line[: longest - 3] + "..."
