"""Rules about how elements take data from each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deploy.host.check.stream_view import StreamView
from deploy.host.pipeline.element_text import ElementText
from deploy.host.pipeline.findings import ERROR, WARNING, Finding
from deploy.sdk_codes import INVALID_PROPERTIES
from deploy.wording import did_you_mean

_LISTS = ("outputDataKeys", "requiredMetaDataKeys", "filterMetaDataKeys")
_RESERVED = ("ReserveMetadataGraph", "ReservedVisionList", "ReservedFrameInfo")


def wiring_findings(view: StreamView) -> Iterator[Finding]:
    """Data sources that do not exist, lists of keys, tees and distributors."""
    for element in view.elements.values():
        for key, value in element.props.items():
            if isinstance(value, str) and (key == "parentName" or key.startswith("dataSource")):
                yield from _names(view, element, key, value)
            elif isinstance(value, str) and key in _LISTS:
                yield from _keys(view, element, key, value)
        if element.known is not None and element.known.one_output and not element.known.native:
            yield from _one_output(view, element)
    for tee in view.of("tee", "mxpi_distributor"):
        yield from _branches(view, tee)
    for distributor in view.of("mxpi_distributor"):
        yield from _groups(view, distributor)


def _names(view: StreamView, element: ElementText, key: str, value: str) -> Iterator[Finding]:
    for name in value.split(","):
        problem = _problem(view, element, name)
        if problem and name != "auto":
            sentence = f'{view.where(element)}: {key} is "{name}", {problem}'
            yield Finding(element.line_of(key), ERROR, sentence, INVALID_PROPERTIES)


def _keys(view: StreamView, element: ElementText, key: str, value: str) -> Iterator[Finding]:
    for name in filter(None, value.split(",")):
        problem = _problem(view, element, name)
        if problem:
            if name.strip() != name:
                problem = "with a blank that the SDK does not trim, so it finds nothing"
            sentence = f'{view.where(element)}: {key} names "{name}", {problem}; the SDK drops it without a word'
            yield Finding(element.line_of(key), ERROR, sentence)


def _problem(view: StreamView, element: ElementText, name: str) -> str:
    """Why no data can come from there, or an empty text."""
    if name in _RESERVED:
        return ""
    base = re.sub(r"_[0-9]+$", "", name)
    there = view.elements.get(name) or view.elements.get(base)
    before = [other.name for other in view.before(element)]
    if there is None:
        return f"which is no element{did_you_mean(name, before)}"
    if there.name not in before:
        return f"from which no way leads to {element.name}"
    return ""


def _one_output(view: StreamView, element: ElementText) -> Iterator[Finding]:
    if len(element.next) > 1:
        sentence = f"{view.where(element)}: the SDK documents one output of {element.factory}; put a tee behind it"
        yield Finding(element.line_of("next"), WARNING, sentence)


def _branches(view: StreamView, element: ElementText) -> Iterator[Finding]:
    if len(element.next) < 2:
        return
    for target in element.next:
        there = view.elements.get(target.name)
        if there is not None and there.factory != "queue":
            sentence = f"{view.where(element)}: a queue belongs between {element.factory} and {there.name}"
            yield Finding(target.line, WARNING, sentence)


def _groups(view: StreamView, element: ElementText) -> Iterator[Finding]:
    where = view.where(element)
    set_keys = [key for key in ("classIds", "channelIds") if element.props.get(key)]
    if len(set_keys) != 1:
        found = "both are set" if set_keys else "neither is set"
        yield Finding(element.line, ERROR, f"{where}: it sorts by classIds or by channelIds; {found}")
        return
    groups = str(element.props[set_keys[0]]).split(",")
    if len(groups) != len(element.next):
        sentence = f"{where}: {set_keys[0]} has {len(groups)} group(s) for {len(element.next)} element(s) in next"
        yield Finding(element.line_of(set_keys[0]), ERROR, sentence)
