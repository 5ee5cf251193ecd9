"""What the host engine imitates of the chip's arithmetic: `board` all of it, `float` none, as a float model expects.

A pipeline file cannot set this, because it is written for the board. The creator of a stream sets it
(`StreamManagerApi.SetNumerics`), and plugins read it when they are created.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

EXACT, ONCE, TWICE = "exact", "once", "twice"
ASCEND_310, ASCEND_310P, ASCEND_310B = "310", "310P", "310B"
"""Ascend 310 (310B is alike) resizes, then crops and pastes; 310P does all in one call."""
INT8 = (EXACT, ASCEND_310, ASCEND_310P, ASCEND_310B)
"""How a quantised model computes: as its operators are documented, or as a chip's kernels do."""


@dataclass(frozen=True)
class Numerics:
    """One switch a stage.

    `colour`: images are NV12 and AIPP computes in integers; else they are BGR and the model gets float colours.
    `letterbox`: TWICE scales and rounds as the chip does; ONCE goes to the chip's size in one step; EXACT in one step
    to the size that the image's aspect ratio asks for, to the nearest pixel. `half`: weights, activations and the
    model's input are rounded to float16. `chip` is "310" (310B is alike) or "310P". `int8` is one of INT8, or "" for
    that of the chip where `half` holds, else EXACT.
    """

    colour: bool = False
    letterbox: str = ONCE
    half: bool = False
    chip: str = ASCEND_310
    int8: str = ""

    @property
    def int8_arithmetic(self) -> str:
        """One of INT8."""
        return self.int8 or (self.chip if self.half else EXACT)


FLOAT = Numerics()
BOARD = Numerics(colour=True, letterbox=TWICE, half=True)
NAMES = {"board": BOARD, "float": FLOAT}

_current: ContextVar[Numerics | None] = ContextVar("numerics", default=None)
_default = FLOAT


def numerics_for(numerics: str | Numerics, soc: str = "") -> Numerics:
    """ "board" or "float", or switches of one's own, for the chip that ATC calls `soc` ("": Ascend310).

    Raises ValueError for another word.
    """
    if isinstance(numerics, str):
        if numerics not in NAMES:
            raise ValueError(f"numerics {numerics!r}: expected one of {', '.join(NAMES)}")
        numerics = NAMES[numerics]
    family = next((name for name in (ASCEND_310P, ASCEND_310B) if soc.startswith(f"Ascend{name}")), ASCEND_310)
    if family == ASCEND_310B:
        return replace(numerics, chip=ASCEND_310, int8=numerics.int8 or (ASCEND_310B if numerics.half else ""))
    return replace(numerics, chip=family)


def set_default(numerics: Numerics) -> None:
    """What holds in this process where nobody says anything else; without it, FLOAT."""
    global _default
    _default = numerics


def current() -> Numerics:
    """What holds for the stream that is being created."""
    return _current.get() or _default


@contextmanager
def applied(numerics: Numerics) -> Iterator[None]:
    """Streams that are created inside have these numerics."""
    token = _current.set(numerics)
    try:
        yield
    finally:
        _current.reset(token)
