"""What MindX SDK 2.0.4 does not know. Its source is not public: this rests on which files were written for it."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.host.catalog.properties import LATER, SDK2
from deploy.host.check.stream_view import StreamView
from deploy.host.pipeline.element_text import ElementText
from deploy.host.pipeline.findings import ERROR, NOTE, Finding
from deploy.sdk_codes import INVALID_PROPERTIES

_INSTEAD = {"cvProcessor": "; write handleMethod"}


def sdk_findings(view: StreamView, sdk: str) -> Iterator[Finding]:
    """Findings for the SDK version that was asked for; only 2.0.4 is known to know less than the catalog."""
    if sdk != SDK2:
        return
    for element in view.elements.values():
        if element.known is not None:
            yield from _element(view, element)


def _element(view: StreamView, element: ElementText) -> Iterator[Finding]:
    where = view.where(element)
    assert element.known is not None
    if element.next_meta or "nextMeta" in element.lines:
        sentence = f"{where}: SDK {SDK2} does not know nextMeta"
        yield Finding(element.line_of("nextMeta"), ERROR, sentence)
    if element.known.since != SDK2:
        sentence = f"{where}: no file for SDK {SDK2} is known that uses {element.factory}; try it on the board"
        yield Finding(element.line_of("factory"), NOTE, sentence)
        return
    for name in element.props:
        known = element.known.properties.get(name)
        if known is None or known.filtered:
            continue
        if known.since == LATER:
            sentence = f"{where}: SDK {SDK2} does not know {name}, which ends the stream's creation{_instead(name)}"
            yield Finding(element.line_of(name), ERROR, sentence, INVALID_PROPERTIES)
        elif known.since != SDK2:
            sentence = f"{where}: no file for SDK {SDK2} is known that sets {name}; try it on the board"
            yield Finding(element.line_of(name), NOTE, sentence)


def _instead(name: str) -> str:
    return _INSTEAD.get(name, "")
