"""Reads JSON that another program may have written: what Python's reader lets through and later code stumbles over,
such as NaN, numbers beyond a float's range, endless nesting and half of a surrogate pair, ends the reading here.
"""

from __future__ import annotations

import json
import math
from typing import Any

DEEPEST = 64
_LONGEST_INTEGER = 20  # characters: what 64 bits hold, and a sign


def strict_json(text: str | bytes) -> Any:
    """What a JSON text says: None, text, finite numbers, booleans, and lists and mappings of these.

    Raises ValueError with a reason for anything else. Every text in the result can be written as UTF-8.
    """
    try:
        value = json.loads(text, parse_constant=_constant, parse_float=_float, parse_int=_integer)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from None
    level = [value]
    for _ in range(DEEPEST):
        following: list[Any] = []
        for entry in level:
            if isinstance(entry, str):
                _check_text(entry)
            elif isinstance(entry, list):
                following.extend(entry)
            elif isinstance(entry, dict):
                following.extend(entry)
                following.extend(entry.values())
        if not following:
            return value
        level = following
    raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"the text {text[:40]!a} has half of a surrogate pair") from None


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise ValueError(f"the number {text[:40]}... is too large")
    return int(text)
