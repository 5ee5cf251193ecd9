"""How sentences for the user list many things, and what they suggest for a misspelt word.

`nearest` and `shortened` are the scorer's, which needs them where it works alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from compute_mAP.wording import closest, nearest, shortened

__all__ = ["did_you_mean", "nearest", "printable", "shortened"]


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """As `nearest`, for the end of a sentence that quotes a file: `; did you mean "x"?`, or nothing."""
    close = closest(word, valid)
    return f'; did you mean "{close}"?' if close else ""


def printable(text: str, keep: str = "") -> str:
    """The text with an escape such as \\x1b for each character that is none to be seen, but for those to `keep`.

    What a file calls its streams, elements or classes could otherwise steer the terminal, and half a surrogate pair
    could not be printed at all.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode("ascii") for char in text
    )
