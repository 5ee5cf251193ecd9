"""One entry of the catalog: a factory with its ports and properties, and short ways to write properties down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.host.catalog.ports import PORTS, Ports
from deploy.host.catalog.properties import COMMON, Property


@dataclass(frozen=True)
class Factory:
    """A kind of element.

    `native` elements are those of GStreamer's whose keys the SDK does not look through. `board_only` says why
    no host can run it; it is empty where the host engine may. `since` as in Property.
    """

    name: str
    properties: Mapping[str, Property]
    board_only: str = ""
    since: str = ""
    native: bool = False

    @property
    def ports(self) -> Ports:
        return PORTS.get(self.name, Ports())

    @property
    def has_inputs(self) -> bool:
        return bool(self.ports.inputs or self.ports.more_inputs)

    @property
    def has_outputs(self) -> bool:
        return bool(self.ports.outputs or self.ports.more_outputs)


def plugin(
    name: str, properties: Mapping[str, Property] | None = None, *, board_only: str = "", since: str = ""
) -> Factory:
    """One of the SDK's own: it has the common properties too."""
    return Factory(name, {**COMMON, **(properties or {})}, board_only, since)


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


_SHADE = r"\s*(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})\s*"
COLOUR = f"{_SHADE},{_SHADE},{_SHADE}"


def colour(since: str = "") -> Property:
    """A colour as "R,G,B"; empty for the chip's own background."""
    return Property("", pattern=rf"(?:{COLOUR})?", says='three whole numbers "R,G,B", each 0 to 255', since=since)


def colours(since: str = "") -> Property:
    """Colours of the classes; the last one serves all further classes, "auto" stands for a table of the SDK's own."""
    says = 'colours "R,G,B|R,G,B|..."'
    return Property("auto", pattern=rf"(?:auto|{COLOUR}(?:\|{COLOUR})*)?", says=says, since=since)
