"""What a pruning is asked for: one number of one kind."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from deploy.errors import UsageError

Kind = Literal["percent", "threshold", "flops", "params", "latency", "uniform"]
_POSITIVE: tuple[Callable[[float], bool], str] = (lambda value: 0 < value < math.inf, "a number above 0")
_ALLOWED: dict[str, tuple[Callable[[float], bool], str]] = {
    "percent": (lambda value: 0 <= value < 1, "0 up to but not including 1"),
    "uniform": (lambda value: 0 < value <= 1, "a share above 0 and up to 1"),
}
_SUFFIXES = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@dataclass(frozen=True)
class Goal:
    """A wanted result.

    kind     value
    percent  the share of removable channels to remove, 0 up to but not including 1
    threshold  channels with a lower score go
    flops, params, latency  what may remain, in floating-point operations an image, values, or milliseconds
    uniform  the share of its channels that each layer keeps, above 0 and up to 1

    Raises UsageError for a value that the kind does not have.
    """

    kind: Kind
    value: float

    def __post_init__(self) -> None:
        allowed, wanted = _ALLOWED.get(self.kind, _POSITIVE)
        if not allowed(self.value):
            raise UsageError(f"--{self.kind} is {self.value:g}, expected {wanted}")


def read_amount(option: str, text: str, whole: float) -> float:
    """The amount that a text means: "40%" or "0.4" of `whole`, or an absolute number such as "2.1G" or "900000".

    A plain number up to 1 is a share. Raises UsageError for anything else, and for more than there is.
    """
    match = re.fullmatch(r"([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(%|[KMGT]?)", text.strip())
    if match is None:
        raise UsageError(
            f"{option} is '{text}', expected a share such as 0.4 or 40%, or an amount such as 2.1G or 900K"
        )
    number, suffix = float(match[1]), match[2]
    share = suffix == "%" or (not suffix and number <= 1)
    amount = number * (whole / 100 if suffix == "%" else whole) if share else number * _SUFFIXES[suffix]
    if not 0 < amount <= whole:
        raise UsageError(f"{option} is '{text}', expected more than 0 and at most what the model has, {whole:.4g}")
    return amount
