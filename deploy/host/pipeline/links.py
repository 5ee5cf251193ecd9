"""The graph of a stream: from the elements' `next` to ports, and the rules that such a graph has to follow."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping

from deploy.host.pipeline.description import Element, Link
from deploy.host.pipeline.element_text import ElementText, Target
from deploy.host.pipeline.findings import ERROR, WARNING, Finding
from deploy.sdk_codes import INVALID_LINK, INVALID_PARAM, PAD_UNLINKED
from deploy.wording import did_you_mean

Elements = Mapping[str, ElementText]


def link_faults(stream: str, elements: Elements) -> Iterator[Finding]:
    """All that is wrong with the links, in the order in which the SDK finds it: targets, circles, ports, ends."""
    for _, element in sorted(elements.items()):
        yield from _own_faults(stream, element, elements)
    circle = _circle(elements)
    if circle:
        last = elements[circle[-1]]
        way = " -> ".join((*circle, circle[0]))
        yield Finding(
            last.line_of("next"), ERROR, f"{stream}.{last.name}: the links lead in a circle: {way}", INVALID_LINK
        )
    yield from _port_faults(stream, elements)
    yield from _loose_ends(stream, elements)


def linked(elements: Elements, device: str) -> tuple[Element, ...]:
    """The elements in topological order with their links. The graph has to be free of faults.

    `nextMeta` does in the SDK what a dataSource of the target would do, and so it does here; its links only order.
    """
    sources = _meta_sources(elements)
    order, _ = _sorted(elements)
    made = []
    for name in order:
        element = elements[name]
        values = element.values(device)
        if sources.get(name) and "dataSource" in values:
            values["dataSource"] = ",".join(sources[name])
        links = tuple(Link(target.name, target.port or 0) for target in element.next)
        meta = tuple(Link(target.name, target.port or 0) for target in element.next_meta)
        made.append(Element(name, element.factory, values, links, meta))
    return tuple(made)


def _meta_sources(elements: Elements) -> dict[str, list[str]]:
    """For each target of a `nextMeta` the elements that name it, in the order of their ports, else of their names."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name, element in sorted(elements.items()):
        for target in element.next_meta:
            found.setdefault(target.name, []).append((-1 if target.port is None else target.port, name))
    return {name: [source for _, source in sorted(entries)] for name, entries in found.items()}


def _own_faults(stream: str, element: ElementText, elements: Elements) -> Iterator[Finding]:
    where = f"{stream}.{element.name}"
    for key, targets in (("next", element.next), ("nextMeta", element.next_meta)):
        for target in targets:
            there = elements.get(target.name)
            if there is None:
                close = did_you_mean(target.name, elements)
                code = INVALID_LINK if key == "next" else INVALID_PARAM
                sentence = f'{where}: {key} is "{target.name}", which is no element{close}'
                yield Finding(target.line, ERROR, sentence, code)
            elif there.known is not None and not there.known.has_inputs:
                yield Finding(
                    target.line,
                    ERROR,
                    f"{where}: {key} is {target.name}, and {there.factory} has no input",
                    INVALID_LINK,
                )
    known = element.known
    if known is None:
        return
    if (element.next or element.next_meta) and not known.has_outputs:
        yield Finding(
            element.line_of("next"), ERROR, f"{where}: {element.factory} has no output and so no next", INVALID_LINK
        )
    elif known.native and len(element.next) > 1 and not known.ports.more_outputs:
        yield Finding(
            element.line_of("next"),
            ERROR,
            f"{where}: {element.factory} has one output and {len(element.next)} elements in next; a tee has several",
            INVALID_LINK,
        )


def _port_faults(stream: str, elements: Elements) -> Iterator[Finding]:
    """Input ports that two links enter, and numbers that leave one out. A target without a number is port 0."""
    entered: dict[str, list[tuple[int, str, Target]]] = {name: [] for name in elements}
    for name, element in sorted(elements.items()):
        for target in element.next:
            if target.name in entered:
                entered[target.name].append((target.port or 0, name, target))
    for name, links in entered.items():
        known = elements[name].known
        links.sort(key=lambda link: link[0])
        for expected, (port, source, target) in enumerate(links):
            where = f"{stream}.{source}"
            if expected and known is not None and known.native:
                sentence = f"{where}: {links[0][1]} leads to {name} already, and {elements[name].factory} has one input"
            elif expected and port == links[expected - 1][0]:
                sentence = (
                    f"{where}: {links[expected - 1][1]} leads to port {port} of {name} already; write {name}:{expected}"
                )
            elif port != expected:
                sentence = f"{where}: it leads to port {port} of {name}, whose next free port is {expected}"
            else:
                continue
            yield Finding(target.line, ERROR, sentence, INVALID_LINK)
            break
    yield from _meta_faults(stream, elements)


def _meta_faults(stream: str, elements: Elements) -> Iterator[Finding]:
    """The ports of `nextMeta`: all or none have a number, no number comes twice, and none leaves one out."""
    entered: dict[str, list[tuple[str, Target]]] = {}
    for name, element in sorted(elements.items()):
        for target in element.next_meta:
            if target.name in elements:
                entered.setdefault(target.name, []).append((name, target))
    for name, links in entered.items():
        ports = [target.port for _, target in links]
        source, last = links[-1]
        if (None in ports and any(port is not None for port in ports)) or (
            None not in ports and sorted(port or 0 for port in ports) != list(range(len(ports)))
        ):
            sentence = f"{stream}.{source}: the ports of nextMeta to {name} are not 0 to {len(ports) - 1}, each once"
            yield Finding(last.line, ERROR, sentence, INVALID_PARAM)


def _loose_ends(stream: str, elements: Elements) -> Iterator[Finding]:
    """Static ports that no link enters or leaves (MxsmElement::FindUnlinkedPad); links make the other ports."""
    reached = [target.name for element in elements.values() for target in (*element.next, *element.next_meta)]
    for _, element in sorted(elements.items()):
        known = element.known
        if known is None:
            continue
        where = f"{stream}.{element.name}"
        if known.has_outputs and not element.next and not element.next_meta:
            if not known.ports.outputs:
                line = element.line_of("next")
                yield Finding(line, WARNING, f"{where}: no element is behind this {element.factory}", PAD_UNLINKED)
            elif element.lines.get("next"):
                yield Finding(element.line_of("next"), ERROR, f"{where}: next leads nowhere", PAD_UNLINKED)
            elif "nextMeta" not in element.lines:
                sentence = (
                    f"{where}: it has no next; every way through a stream ends in an appsink, fakesink or filesink"
                )
                yield Finding(element.line, ERROR, sentence, PAD_UNLINKED)
        wanted = len(known.ports.inputs)
        if known.has_inputs and element.name not in reached:
            yield Finding(element.line, ERROR, f"{where}: nothing leads to it", PAD_UNLINKED)
        elif reached.count(element.name) < wanted:
            sentence = f"{where}: {element.factory} has {wanted} inputs; one element leads to it"
            if reached.count(element.name) > 1:
                sentence = (
                    f"{where}: {element.factory} has {wanted} inputs; {reached.count(element.name)} links lead to it"
                )
            yield Finding(element.line, ERROR, sentence, PAD_UNLINKED)


def _sorted(elements: Elements) -> tuple[list[str], dict[str, int]]:
    """Names in topological order, those that could come next in the file's order; and what is left over in circles."""
    names = list(elements)
    place = {name: index for index, name in enumerate(names)}
    waiting = dict.fromkeys(names, 0)
    for element in elements.values():
        for target in (*element.next, *element.next_meta):
            if target.name in waiting:
                waiting[target.name] += 1
    ready = [place[name] for name in names if not waiting[name]]
    order = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        del waiting[name]
        for target in (*elements[name].next, *elements[name].next_meta):
            if target.name in waiting:
                waiting[target.name] -= 1
                if not waiting[target.name]:
                    heapq.heappush(ready, place[target.name])
    return order, waiting


def _circle(elements: Elements) -> list[str]:
    """The elements of one circle in their order, from the one that comes first in the file; or none."""
    _, left = _sorted(elements)
    before = {
        target.name: name
        for name in left
        for target in (*elements[name].next, *elements[name].next_meta)
        if target.name in left
    }
    if not before:
        return []
    # Every element that is left has one before it that is left as well, so going back ends in a circle.
    name = next(iter(before))
    way: list[str] = []
    while name not in way:
        way.append(name)
        name = before[name]
    circle = way[way.index(name) :][::-1]
    first = min(circle, key=list(elements).index)
    return circle[circle.index(first) :] + circle[: circle.index(first)]
