"""A stream for the rules of the check: what comes before and behind an element, and where it takes its data from."""

from __future__ import annotations

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
    value = element.text(name)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0
