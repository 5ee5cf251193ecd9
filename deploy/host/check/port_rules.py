"""Rules about ports: how many links an element can take, and whether two linked ports have a type in common.

Source: MxsmElement::PerformLink links by GStreamer, which finds no pad where a plugin has none and refuses two pads
without common caps; what the plugins define is in `catalog/ports.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from deploy.host.catalog.ports import fit
from deploy.host.check.stream_view import StreamView
from deploy.host.pipeline.element_text import ElementText, Target
from deploy.host.pipeline.findings import ERROR, Finding
from deploy.sdk_codes import CHANGE_STATE_FAILED, INVALID_LINK

_MOST_INPUTS = {"mxpi_class2osdinstances": 2, "mxpi_motsimplesortV2": 2, "mxpi_imagecrop": 2}
"""Plugins that end their Init where more elements lead to them."""


def port_findings(view: StreamView) -> Iterator[Finding]:
    entered: dict[str, int] = {}
    for element in view.elements.values():
        for number, target in enumerate(element.next):
            entered[target.name] = entered.get(target.name, 0) + 1
            yield from _link(view, element, number, target)
    for name, most in _MOST_INPUTS.items():
        for element in view.of(name):
            if entered.get(element.name, 0) > most:
                sentence = f"{view.where(element)}: {entered[element.name]} elements lead to it; {name} takes {most}"
                yield Finding(element.line, ERROR, sentence, CHANGE_STATE_FAILED)


def _link(view: StreamView, element: ElementText, number: int, target: Target) -> Iterator[Finding]:
    there = view.elements.get(target.name)
    if element.known is None or element.known.native:
        given = None  # GStreamer's own take anything; `links` counts their pads
    else:
        given = element.known.ports.output(number)
        if not given and element.known.has_outputs:
            sentence = (
                f"{view.where(element)}: {element.factory} has one output and {len(element.next)} elements in next; "
                "put a tee behind it"
            )
            yield Finding(element.line_of("next"), ERROR, sentence, INVALID_LINK)
    if there is None or there.known is None or there.known.native or not there.known.has_inputs:
        return
    taken = there.known.ports.input(target.port or 0)
    if not taken:
        sentence = f"{view.where(element)}: it leads to port {target.port} of {there.name}; {there.factory} has none"
        yield Finding(target.line, ERROR, sentence, INVALID_LINK)
    elif given and not fit(given, taken):
        sentence = (
            f"{view.where(element)}: {element.factory} hands on {', '.join(given)} at this port; {there.factory}, "
            f"{there.name}, takes {', '.join(taken)}"
        )
        yield Finding(target.line, ERROR, sentence, INVALID_LINK)
