"""The graph of a stream: from the elements' `next` to ports, and the rules that such a graph has to follow."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence

from deploy.host.description import Element, Link
from deploy.host.element_text import ElementText, Target
from deploy.host.findings import ERROR, Finding
from deploy.host.nearest import did_you_mean
from deploy.sdk_codes import INVALID_LINK, LINK_FAILED, PAD_UNLINKED

Elements = Mapping[str, ElementText]


def link_faults(stream: str, elements: Elements) -> Iterator[Finding]:
    """All that is wrong with the links: targets, ports, ends, circles."""
    for element in elements.values():
        yield from _own_faults(stream, element, elements)
    yield from _port_faults(stream, elements)
    circle = _circle(elements)
    if circle:
        last = elements[circle[-1]]
        way = " -> ".join((*circle, circle[0]))
        yield Finding(
            last.line_of("next"), ERROR, f"{stream}.{last.name}: the links lead in a circle: {way}", INVALID_LINK
        )
    yield from _loose_ends(stream, elements)


def linked(elements: Elements, device: str) -> tuple[Element, ...]:
    """The elements in topological order with their links. The graph has to be free of faults.

    A target without a port gets its lowest free input port, in the order of the linking elements' names, in which the
    SDK reads a file. The SDK takes the first pad whose format fits; plugins tell their inputs apart by what comes in.
    """
    taken = _explicit_ports(elements)
    links: dict[str, tuple[tuple[Link, ...], tuple[Link, ...]]] = {}
    for _, element in sorted(elements.items()):
        links[element.name] = (_ports(element.next, taken), _ports(element.next_meta, taken))
    order, _ = _sorted(elements)
    return tuple(Element(name, elements[name].factory, elements[name].values(device), *links[name]) for name in order)


def _own_faults(stream: str, element: ElementText, elements: Elements) -> Iterator[Finding]:
    where = f"{stream}.{element.name}"
    for key, targets in (("next", element.next), ("nextMeta", element.next_meta)):
        for target in targets:
            there = elements.get(target.name)
            if there is None:
                close = did_you_mean(target.name, elements)
                yield Finding(
                    target.line, ERROR, f'{where}: {key} is "{target.name}", which is no element{close}', INVALID_LINK
                )
            elif there.known is not None and not there.known.inputs:
                yield Finding(
                    target.line,
                    ERROR,
                    f"{where}: {key} is {target.name}, and {there.factory} has no input",
                    LINK_FAILED,
                )
    known = element.known
    if known is None:
        return
    if (element.next or element.next_meta) and not known.outputs:
        yield Finding(
            element.line_of("next"), ERROR, f"{where}: {element.factory} has no output and so no next", INVALID_LINK
        )
    elif len(element.next) > 1 and known.one_pad_out:
        yield Finding(
            element.line_of("next"),
            ERROR,
            f"{where}: {element.factory} has one output and {len(element.next)} elements in next; a tee has several",
            LINK_FAILED,
        )


def _port_faults(stream: str, elements: Elements) -> Iterator[Finding]:
    """Input ports that two links enter."""
    entered: dict[tuple[str, int], str] = {}
    counts: dict[str, str] = {}
    for element in elements.values():
        for target in (*element.next, *element.next_meta):
            there = elements.get(target.name)
            if there is None:
                continue
            where = f"{stream}.{element.name}"
            if there.known is not None and there.known.one_pad_in and target.name in counts:
                yield Finding(
                    target.line,
                    ERROR,
                    f"{where}: {counts[target.name]} leads to {target.name} already, and {there.factory} has one input",
                    LINK_FAILED,
                )
            elif target.port is not None and (target.name, target.port) in entered:
                other = entered[target.name, target.port]
                yield Finding(
                    target.line,
                    ERROR,
                    f"{where}: {other} leads to {target.name}:{target.port} already",
                    LINK_FAILED,
                )
            counts.setdefault(target.name, element.name)
            if target.port is not None:
                entered.setdefault((target.name, target.port), element.name)


def _loose_ends(stream: str, elements: Elements) -> Iterator[Finding]:
    reached = {target.name for element in elements.values() for target in (*element.next, *element.next_meta)}
    for element in elements.values():
        known = element.known
        if known is None:
            continue
        where = f"{stream}.{element.name}"
        if known.outputs and "next" not in element.lines and "nextMeta" not in element.lines:
            yield Finding(
                element.line,
                ERROR,
                f"{where}: it has no next; every way through a stream ends in an appsink, fakesink or filesink",
                PAD_UNLINKED,
            )
        elif known.outputs and not element.next and not element.next_meta and element.lines.get("next"):
            yield Finding(element.line_of("next"), ERROR, f"{where}: next leads nowhere", PAD_UNLINKED)
        if known.inputs and element.name not in reached:
            yield Finding(element.line, ERROR, f"{where}: nothing leads to it", PAD_UNLINKED)


def _explicit_ports(elements: Elements) -> dict[str, set[int]]:
    taken: dict[str, set[int]] = {name: set() for name in elements}
    for element in elements.values():
        for target in (*element.next, *element.next_meta):
            if target.port is not None:
                taken[target.name].add(target.port)
    return taken


def _ports(targets: Sequence[Target], taken: dict[str, set[int]]) -> tuple[Link, ...]:
    links = []
    for target in targets:
        port = target.port
        if port is None:
            port = 0
            while port in taken[target.name]:
                port += 1
            taken[target.name].add(port)
        links.append(Link(target.name, port))
    return tuple(links)


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
