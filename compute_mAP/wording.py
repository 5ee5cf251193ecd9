"""How sentences for the user name many things, and what they suggest for a misspelt word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def shortened(items: Sequence[object], most: int = 8) -> str:
    """The items after commas; beyond `most` of them only how many more there are."""
    shown = ", ".join(str(item) for item in items[:most])
    return f"{shown} and {len(items) - most} more" if len(items) > most else shown


def nearest(word: str, valid: Iterable[str]) -> str:
    """ " (did you mean 'x'?)" for the valid word nearest to a wrong one, else nothing; capitals do not count."""
    close = _close(word, valid)
    return f" (did you mean '{close}'?)" if close else ""


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """As `nearest`, for the end of a sentence that quotes what stands in a file: `; did you mean "x"?`."""
    close = _close(word, valid)
    return f'; did you mean "{close}"?' if close else ""


def _close(word: str, valid: Iterable[str]) -> str:
    by_lower = {entry.lower(): entry for entry in valid}
    close = difflib.get_close_matches(word.lower(), list(by_lower), n=1)
    return by_lower[close[0]] if close else ""
