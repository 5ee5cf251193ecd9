"""How sentences for the user list many things, and what they suggest for a misspelt word.

`closest`, `nearest` and `shortened` are the scorer's, which needs them where it works alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from compute_mAP.wording import closest, nearest, shortened

__all__ = ["closest", "did_you_mean", "nearest", "shortened"]


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """As `nearest`, for the end of a sentence that quotes a file: `; did you mean "x"?`, or nothing."""
    close = closest(word, valid)
    return f'; did you mean "{close}"?' if close else ""
