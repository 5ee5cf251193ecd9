"""How sentences for the user list many things, and what they suggest for a misspelt word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def shortened(items: Sequence[object], most: int = 8) -> str:
    """The items after commas; beyond `most` of them only how many more there are."""
    shown = ", ".join(str(item) for item in items[:most])
    return f"{shown} and {len(items) - most} more" if len(items) > most else shown


def nearest(word: str, valid: Iterable[str]) -> str:
    """ " (did you mean 'x'?)" for the valid word nearest to a wrong one, else nothing."""
    close = closest(word, valid)
    return f" (did you mean '{close}'?)" if close else ""


def closest(word: str, valid: Iterable[str]) -> str:
    """The valid word that is most like a wrong one, "" where none is; capitals do not count."""
    by_lower = {entry.lower(): entry for entry in valid}
    close = difflib.get_close_matches(word.lower(), list(by_lower), n=1)
    return by_lower[close[0]] if close else ""
