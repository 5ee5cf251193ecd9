"""A stream for the rules of the check: what comes before and behind an element, and where it takes its data from."""

from __future__ import annotations

from deploy.host.catalog.numbers import whole_number
from deploy.host.pipeline.element_text import ElementText
from deploy.host.pipeline.read import StreamText

MODELS = ("mxpi_tensorinfer", "mxpi_modelinfer")
DECODERS = ("mxpi_imagedecoder", "mxpi_videodecoder")


class StreamView:
    """The elements of a stream, faulty or not, with their neighbours."""

    def __init__(self, text: StreamText) -> None:
        self.name = text.name
        self.elements = text.elements
        self._before: dict[str, list[str]] = {name: [] for name in self.elements}
        for element in self.elements.values():
            for target in (*element.next, *element.next_meta):
                if target.name in self._before:
                    self._before[target.name].append(element.name)

    def where(self, element: ElementText) -> str:
        return f"{self.name}.{element.name}"

    def of(self, *factories: str) -> list[ElementText]:
        return [element for element in self.elements.values() if element.factory in factories]

    def before(self, element: ElementText) -> list[ElementText]:
        """All elements from which data come, the nearest first."""
        return self._walk(element, {name: list(names) for name, names in self._before.items()})

    def behind(self, element: ElementText) -> list[ElementText]:
        """All elements to which data go, the nearest first."""
        following = {
            name: [target.name for target in (*other.next, *other.next_meta)] for name, other in self.elements.items()
        }
        return self._walk(element, following)

    def source(self, element: ElementText, *keys: str) -> ElementText | None:
        """The element that a property names, else the nearest of the SDK's own before this one."""
        for key in keys:
            name = element.text(key)
            if name not in ("", "auto"):
                return self.elements.get(name)
        return next((other for other in self.before(element) if other.factory.startswith("mxpi_")), None)

    def links_to(self, element: ElementText) -> int:
        """How many entries of `next` lead to it."""
        return sum(target.name == element.name for other in self.elements.values() for target in other.next)

    def meta_links_to(self, element: ElementText) -> int:
        """How many entries of `nextMeta` lead to it."""
        return sum(target.name == element.name for other in self.elements.values() for target in other.next_meta)

    def enters(self, element: ElementText, port: int) -> list[str]:
        """The elements from which a link leads to that input port."""
        return [
            other.name
            for other in self.elements.values()
            for target in other.next
            if target.name == element.name and (target.port or 0) == port
        ]

    def source_left_out(self, element: ElementText, port: int) -> bool:
        """Whether the SDK finds no key for an input port that a link enters: a source of GStreamer's leads there.

        queue, tee and mxpi_dumpdata hand the question on to what is before them (MxGstBase.cpp, HandleCustomQuery).
        """
        if self.meta_links_to(element):
            return False
        names = self.enters(element, port)
        seen: set[str] = set()
        while names and names[0] not in seen:
            other = self.elements[names[0]]
            if other.factory in ("appsrc", "filesrc"):
                return True
            if other.factory not in ("queue", "tee", "mxpi_dumpdata"):
                return False
            seen.add(other.name)
            names = self._before[other.name]
        return False

    def _walk(self, element: ElementText, neighbours: dict[str, list[str]]) -> list[ElementText]:
        found: dict[str, ElementText] = {}
        waiting = list(neighbours[element.name])
        while waiting:
            name = waiting.pop(0)
            if name not in found and name in self.elements:
                found[name] = self.elements[name]
                waiting.extend(neighbours[name])
        return list(found.values())


def processor(element: ElementText) -> str:
    """ascend or opencv: the old name of the property wins."""
    return element.text("handleMethod") or element.text("cvProcessor")


def whole(element: ElementText, name: str) -> int:
    """A property that is a whole number, 0 where it is none."""
    return whole_number(element.text(name), 0, 2**32 - 1) or 0
