"""One entry of the catalog: a factory with its ports and properties, and short ways to write properties down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.host.catalog.properties import COMMON, Property


@dataclass(frozen=True)
class Factory:
    """A kind of element. `inputs` and `outputs` tell whether it has such ports at all.

    `one_output` says that the SDK documents a single static output port. `native` elements are GStreamer's own, whose
    pads are beyond doubt: `one_pad_in` and `one_pad_out` tell where a second link has no pad. `board_only` says why no
    host can run it; it is empty where the host engine may. `since` as in Property. `static_inputs` have to be linked.
    """

    name: str
    properties: Mapping[str, Property]
    inputs: bool = True
    outputs: bool = True
    one_output: bool = False
    board_only: str = ""
    since: str = ""
    native: bool = False
    static_inputs: int = 1

    @property
    def one_pad_in(self) -> bool:
        return self.native and self.inputs

    @property
    def one_pad_out(self) -> bool:
        return self.native and self.one_output


def plugin(
    name: str,
    properties: Mapping[str, Property] | None = None,
    *,
    inputs: bool = True,
    one_output: bool = False,
    board_only: str = "",
    since: str = "",
    static_inputs: int = 1,
) -> Factory:
    """One of the SDK's own: it has the common properties too."""
    return Factory(
        name,
        {**COMMON, **(properties or {})},
        inputs,
        True,
        one_output,
        board_only,
        since,
        static_inputs=static_inputs,
    )


def whole(default: int, low: int, high: int, *, code: int | None = None, since: str = "") -> Property:
    """A whole number in [low, high]."""
    if code is None:
        return Property(str(default), limits=(low, high), since=since)
    return Property(str(default), limits=(low, high), code=code, since=since)


def real(default: str, low: float, high: float, since: str = "") -> Property:
    """A decimal number in [low, high]."""
    return Property(default, real=(low, high), since=since)


def flag(default: int, since: str = "") -> Property:
    """0 or 1."""
    return Property(str(default), choices=("0", "1"), since=since)


def source(since: str = "") -> Property:
    """Where data come from: an element's name, or "auto"."""
    return Property("auto", since=since)


CHANNELS = r"[0-9]+(\s*[,|]\s*[0-9]+)*"
_SHADE = r"\s*(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})\s*"
COLOUR = f"{_SHADE},{_SHADE},{_SHADE}"


def colour(since: str = "") -> Property:
    """A colour as "R,G,B"; empty for the chip's own background."""
    return Property("", pattern=rf"(?:{COLOUR})?", says='three whole numbers "R,G,B", each 0 to 255', since=since)


def colours(since: str = "") -> Property:
    """Colours of the classes; the last one serves all further classes, "auto" stands for a table of the SDK's own."""
    says = 'colours "R,G,B|R,G,B|..."'
    return Property("auto", pattern=rf"(?:auto|{COLOUR}(?:\|{COLOUR})*)?", says=says, since=since)
