"""One element of a .pipeline file as it is written: factory, properties, links, and the line of each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from deploy.host.catalog import CATALOG
from deploy.host.catalog.entry import Factory
from deploy.host.catalog.properties import faults_of_own, filled, property_faults
from deploy.host.pipeline.findings import ERROR, WARNING, Finding
from deploy.host.pipeline.json_text import Member, Node
from deploy.sdk_codes import (
    ELEMENT_INVALID,
    INVALID_CONFIG,
    INVALID_FACTORY,
    INVALID_LINK,
    INVALID_PARAM,
    INVALID_PROPERTIES,
)
from deploy.wording import closest, did_you_mean

KEYS = ("factory", "props", "next", "nextMeta")
_RESERVED = ("ReserveMetadataGraph", "ReservedVisionList")


class Target(NamedTuple):
    """An entry of `next`: an element's name, its input port or None, and the line."""

    name: str
    port: int | None
    line: int


@dataclass
class ElementText:
    """What the file says about an element; `known` is its factory where the catalog has it.

    `props` are the values by name; `prop_lines` has the line of each, `lines` those of the element's own keys.
    """

    name: str
    line: int
    factory: str = ""
    known: Factory | None = None
    props: dict[str, Any] = field(default_factory=dict)
    prop_lines: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    next: list[Target] = field(default_factory=list)
    next_meta: list[Target] = field(default_factory=list)

    def line_of(self, key: str) -> int:
        """The line of a property or of one of the element's keys, else where the element begins."""
        return self.prop_lines.get(key, self.lines.get(key, self.line))

    def value(self, name: str) -> Any:
        """A property as the file says it, else its default, else an empty text."""
        if name in self.props or self.known is None or name not in self.known.properties:
            return self.props.get(name, "")
        return self.known.properties[name].default

    def text(self, name: str) -> str:
        """A property that is a text; empty where it is something else."""
        value = self.value(name)
        return value if isinstance(value, str) else ""

    def values(self, device: str) -> dict[str, Any]:
        """Every property of the factory, defaults filled in."""
        assert self.known is not None
        values = filled(self.props, self.known.properties)
        if "deviceId" in values:
            values["deviceId"] = self.props.get("deviceId", device)
        return values


def read_element(
    stream: str, member: Member, device: str | None, findings: list[Finding], plugins: Collection[str] | None = ()
) -> ElementText:
    """Read one element and add all that is wrong with it to `findings`.

    `device` is what stream_config says, None where it says nothing: then each element has its own. `plugins` are
    factories that an app brings with it; None: nobody said which those are.
    """
    entry = member.node
    keys = entry.last()
    element = ElementText(member.key, member.line, lines={key: found.line for key, found in keys.items()})
    where = f"{stream}.{member.key}"
    if member.key in _RESERVED:
        findings.append(
            Finding(member.line, ERROR, f"{where}: the SDK keeps the name {member.key} for itself", ELEMENT_INVALID)
        )
    _read_factory(where, keys["factory"], element, findings, plugins)
    _check_name(where, element, findings)
    for key, found in keys.items():
        if key not in KEYS:
            sentence = f'{where}: "{key}" is no key of an element{did_you_mean(key, KEYS)}'
            if element.known is not None and element.known.native:  # MxsmElement::ValidateElementKeys
                findings.append(Finding(found.line, WARNING, sentence))
            else:
                findings.append(Finding(found.line, ERROR, sentence, INVALID_PROPERTIES))
    if "props" in keys:
        _read_props(where, keys["props"], element, device, findings)
    elif element.known is not None:
        findings.extend(_faults(where, element))
    for key, targets in (("next", element.next), ("nextMeta", element.next_meta)):
        if key in keys:
            targets.extend(_targets(where, keys[key], findings))
    return element


def _read_factory(
    where: str, member: Member, element: ElementText, findings: list[Finding], plugins: Collection[str] | None
) -> None:
    factory = member.node.value
    if not isinstance(factory, str):
        findings.append(
            Finding(member.line, ERROR, f"{where}: factory is {member.node.kind}; it is a string", INVALID_FACTORY)
        )
        return
    element.factory = factory
    element.known = CATALOG.get(factory)
    if element.known is not None or factory in (plugins or ()):
        return
    close = _alike(factory, (*CATALOG, *(plugins or ())))
    if plugins is not None or _slip(factory):
        sentence = f'{where}: there is no factory "{factory}"{close}'
        findings.append(Finding(member.line, ERROR, sentence, INVALID_FACTORY))
    else:
        sentence = (
            f'{where}: "{factory}" is none of the SDK\'s factories{close}; if it is a plugin of your own, say so with '
            f"--plugins {factory}"
        )
        findings.append(Finding(member.line, WARNING, sentence, INVALID_FACTORY))


def _alike(factory: str, valid: Collection[str]) -> str:
    """As did_you_mean; what all of the SDK's names begin with makes none of them alike."""
    start = "mxpi_" if factory.startswith("mxpi_") else ""
    rest = {name[len(start) :]: name for name in valid if name.startswith(start)}
    close = closest(factory[len(start) :], rest)
    return f'; did you mean "{rest[close]}"?' if close else ""


def _slip(factory: str) -> bool:
    """Whether a name is one of the SDK's with a letter wrong, rather than that of a plugin of somebody's own."""
    plain = _stem(factory)
    return factory.startswith("mxpi_") and any(
        len(known) > 10 and plain != _stem(known) and _one_letter_off(plain.lower(), _stem(known).lower())
        for known in CATALOG
    )


def _stem(factory: str) -> str:
    """Without a version: mxpi_nmsoverlapedroi came before mxpi_nmsoverlapedroiV2."""
    return re.sub("V?[0-9]+$", "", factory)


def _one_letter_off(one: str, other: str) -> bool:
    same = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    one, other = one[same:], other[same:]
    return one == other[1:] or one[1:] == other or one[1:] == other[1:]


def _check_name(where: str, element: ElementText, findings: list[Finding]) -> None:
    """The SDK looks appsinks up by their numbers."""
    if (element.factory == "appsink" or "appsink" in element.name) and not re.fullmatch(
        "appsink[0-9]{1,9}", element.name, re.ASCII
    ):
        sentence = f"{where}: appsinks are named appsink0, appsink1 and so on; nothing else has appsink in its name"
        findings.append(Finding(element.line, ERROR, sentence, ELEMENT_INVALID))


def _read_props(where: str, member: Member, element: ElementText, device: str | None, findings: list[Finding]) -> None:
    if member.node.members is None:
        findings.append(
            Finding(member.line, ERROR, f"{where}: props is {member.node.kind}; it is an object", INVALID_PROPERTIES)
        )
        return
    for name, prop in member.node.last().items():
        element.props[name] = prop.node.plain()
        element.prop_lines[name] = prop.line
    findings.extend(_faults(where, element))
    if element.known is None:
        return
    for name in element.props:
        known = element.known.properties.get(name)
        if known is not None and known.filtered and not known.read_only:
            findings.append(
                Finding(element.prop_lines[name], WARNING, f"{where}: the SDK filters {element.factory}'s {name} out")
            )
    if device is not None and element.props.get("deviceId", device) != device:
        findings.append(
            Finding(
                element.prop_lines["deviceId"],
                ERROR,
                f'{where}: deviceId is "{element.props["deviceId"]}"; the stream has deviceId "{device}"',
                INVALID_PROPERTIES,
            )
        )


def _faults(where: str, element: ElementText) -> Iterator[Finding]:
    known = element.known
    faults = (
        property_faults(element.factory, element.props, known.properties) if known else faults_of_own(element.props)
    )
    for fault in faults:
        line = element.line_of(fault.name or "props")
        yield Finding(line, ERROR, f"{where}: {fault.sentence}", fault.code)


def _targets(where: str, member: Member, findings: list[Finding]) -> Iterator[Target]:
    """The entries of `next` or `nextMeta`."""
    node = member.node
    entries: tuple[Node, ...] = (node,) if node.items is None else node.items
    for entry in entries:
        if not isinstance(entry.value, str):
            found = entry.kind if node.items is None else f"a list with {entry.kind}"
            findings.append(
                Finding(
                    entry.line,
                    ERROR,
                    f"{where}: {member.key} is {found}; it is a string or a list of strings",
                    INVALID_CONFIG if member.key == "next" else INVALID_PARAM,
                )
            )
            continue
        name, colon, port = entry.value.partition(":")
        if colon and not (port.isascii() and port.isdigit() and len(port) < 5):
            findings.append(
                Finding(
                    entry.line,
                    ERROR,
                    f'{where}: {member.key} is "{entry.value}"; behind the colon stands the number of an input port, '
                    "and no element has another colon in its name",
                    INVALID_LINK,
                )
            )
            continue
        yield Target(name, int(port) if colon else None, entry.line)
