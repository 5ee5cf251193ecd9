"""A stream as its .pipeline file describes it, after validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Element:
    """One element: `values` holds every property of its factory as text (or a JSON object), defaults filled in."""

    name: str
    factory: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """A chain of elements in the order in which a picture passes them, from appsrc to appsink."""

    name: str
    chain: tuple[Element, ...]
