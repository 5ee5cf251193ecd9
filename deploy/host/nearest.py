"""The hint "did you mean" of the messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` with the nearest known word, or an empty text where none is near."""
    options = list(known)
    folded = {option.lower(): option for option in options}
    matches = difflib.get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    return f'; did you mean "{folded[matches[0]]}"?' if matches else ""
