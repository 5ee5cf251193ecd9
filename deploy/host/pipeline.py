""".pipeline files: JSON text to validated streams, by the rules of the SDK's MxStreamManager.

The host engine runs chains: one appsrc, each element with one `next`, one appsink. What is right for a board and more
than that is refused with code 1005 (not implemented), what is wrong for both with the SDK's own code.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from deploy.host.catalog import CATALOG
from deploy.host.description import Element, Link, Stream
from deploy.host.factories import FACTORIES
from deploy.host.nearest import did_you_mean
from deploy.host.properties import read_properties
from deploy.sdk_codes import (
    ELEMENT_INVALID,
    INVALID_CONFIG,
    INVALID_FACTORY,
    INVALID_LINK,
    INVALID_PROPERTIES,
    PAD_UNLINKED,
    UNREALIZED,
    SdkFault,
)

MAX_BYTES = 10 * 2**20
MAX_KEYS = 256  # of one stream
STREAM_CONFIG = "stream_config"
_RESERVED = ("ReserveMetadataGraph", "ReservedVisionList")


def parse_pipeline(text: str | bytes) -> list[Stream]:
    """All streams of a file. Raises SdkFault with the SDK's code and a sentence that names stream and element."""
    if not 1 <= len(text) <= MAX_BYTES:
        raise SdkFault(INVALID_CONFIG, f"the pipeline text has {len(text)} bytes; the SDK takes 1 byte to 10 MiB")
    try:
        document = json.loads(text if isinstance(text, str) else text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise SdkFault(INVALID_CONFIG, f"the pipeline is not JSON: {error}") from None
    if not isinstance(document, dict) or not document:
        raise SdkFault(INVALID_CONFIG, "the pipeline is not a JSON object of streams")
    return [_stream(name, entry) for name, entry in document.items()]


def _stream(name: str, entry: Any) -> Stream:
    if not isinstance(entry, dict):
        raise SdkFault(INVALID_CONFIG, f"stream {name} is {_kind(entry)}; it is an object of elements")
    if len(entry) > MAX_KEYS:
        raise SdkFault(INVALID_CONFIG, f"stream {name} has {len(entry)} keys; the SDK takes {MAX_KEYS}")
    for key, value in entry.items():
        if not isinstance(value, dict):
            raise SdkFault(INVALID_CONFIG, f"{name}.{key} is {_kind(value)}; it is an object")
    device = entry.get(STREAM_CONFIG, {}).get("deviceId", "0")
    if not isinstance(device, str) or not device.isdigit():
        raise SdkFault(
            INVALID_CONFIG, f'{name}.{STREAM_CONFIG}: deviceId is {json.dumps(device)}; it is a string like "0"'
        )
    # an object without a factory is no element
    raw = {key: value for key, value in entry.items() if key != STREAM_CONFIG and "factory" in value}
    elements = {key: _element(name, key, value, device) for key, value in raw.items()}
    links = {key: _next(name, key, value, elements) for key, value in raw.items()}
    chain = _chain(name, elements, links)
    ports = {key: (Link(links[key]),) if links[key] else () for key in chain}
    return Stream(name, tuple(replace(elements[key], links=ports[key]) for key in chain), device)


def _element(stream: str, name: str, entry: dict[str, Any], device: str) -> Element:
    where = f"{stream}.{name}"
    if name in _RESERVED:
        raise SdkFault(ELEMENT_INVALID, f"{where}: the SDK keeps the name {name} for itself")
    factory, props = entry["factory"], entry.get("props", {})
    if not isinstance(factory, str):
        raise SdkFault(INVALID_CONFIG, f"{where}: factory is {_kind(factory)}; it is a string")
    known = CATALOG.get(factory)
    if known is None:
        raise SdkFault(INVALID_FACTORY, f'{where}: there is no factory "{factory}"{did_you_mean(factory, CATALOG)}')
    if factory not in FACTORIES:
        why = f"runs on the board only: {known.board_only}" if known.board_only else "does not run on the host engine"
        raise SdkFault(UNREALIZED, f"{where}: {factory} {why}")
    if not isinstance(props, dict):
        raise SdkFault(INVALID_CONFIG, f"{where}: props is {_kind(props)}; it is an object")
    values = read_properties(where, factory, props, known.properties)
    if props.get("deviceId", device) != device:
        raise SdkFault(
            INVALID_PROPERTIES, f'{where}: deviceId is "{props["deviceId"]}"; the stream has deviceId "{device}"'
        )
    return Element(name, factory, values)


def _next(stream: str, name: str, entry: dict[str, Any], elements: dict[str, Element]) -> str:
    """The one element that follows, or an empty text."""
    where = f"{stream}.{name}"
    if "nextMeta" in entry:
        raise SdkFault(UNREALIZED, f"{where}: nextMeta runs on the board; the host engine runs chains of elements")
    following = entry.get("next", [])
    targets = [following] if isinstance(following, str) else following
    if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
        raise SdkFault(INVALID_LINK, f"{where}: next is {_kind(following)}; it is a string or a list of strings")
    names = []
    for target in targets:
        element, _, port = target.partition(":")
        if element not in elements or (":" in target and not port.isdigit()):
            raise SdkFault(
                INVALID_LINK, f'{where}: next is "{target}", which is no element{did_you_mean(element, elements)}'
            )
        names.append(element)
    if len(names) > 1:
        raise SdkFault(
            UNREALIZED, f"{where}: next names {len(names)} elements; the host engine runs chains, without branches"
        )
    return names[0] if names else ""


def _chain(stream: str, elements: dict[str, Element], links: dict[str, str]) -> list[str]:
    """The names from the appsrc to the appsink."""
    sources = [name for name, element in elements.items() if element.factory == "appsrc"]
    if len(sources) != 1:
        found = ", ".join(sources) or "none"
        raise SdkFault(
            UNREALIZED if sources else INVALID_LINK, f"stream {stream}: expected one appsrc element, found {found}"
        )
    chain = [sources[0]]
    while links[chain[-1]]:
        name = links[chain[-1]]
        if name in chain:
            raise SdkFault(INVALID_LINK, f"{stream}.{chain[-1]}: next is {name}, which comes before it")
        chain.append(name)
    if elements[chain[-1]].factory != "appsink":
        raise SdkFault(PAD_UNLINKED, f"{stream}.{chain[-1]}: it has no next; a chain ends in an appsink")
    for name in chain[:-1]:
        if elements[name].factory == "appsink":
            raise SdkFault(INVALID_LINK, f"{stream}.{name}: an appsink has no next")
    loose = [name for name in elements if name not in chain]
    if loose:
        entering = next((name for name in loose if links[name] in chain), None)
        if entering:
            raise SdkFault(
                UNREALIZED,
                f"{stream}.{entering}: it joins the chain at {links[entering]}; the host engine runs chains, without "
                "branches",
            )
        raise SdkFault(PAD_UNLINKED, f"{stream}.{loose[0]}: nothing leads to it from {sources[0]}")
    return chain


def _kind(value: Any) -> str:
    """A JSON value in words."""
    for kind, word in ((bool, "a boolean"), (str, "a string"), (list, "a list"), (dict, "an object")):
        if isinstance(value, kind):
            return word
    return "null" if value is None else "a number"
