"""A stream as its .pipeline file describes it, after validation: a graph of elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class Link(NamedTuple):
    """Where an output port leads: the name of the next element and the number of its input port."""

    target: str
    port: int = 0


@dataclass(frozen=True)
class Element:
    """One element: `values` holds every property of its factory as text (or a JSON object), defaults filled in.

    `links` has one entry an output port, in the ports' order, from `next`; `meta_links` likewise from `nextMeta`:
    along those only metadata go, the buffer stays behind.
    """

    name: str
    factory: str
    values: dict[str, Any]
    links: tuple[Link, ...] = ()
    meta_links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Stream:
    """The elements in topological order: each comes after all that lead to it. `device` is stream_config.deviceId."""

    name: str
    elements: tuple[Element, ...]
    device: str = "0"
