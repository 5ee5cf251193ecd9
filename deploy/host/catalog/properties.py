"""What a property of a plugin is, and the check of what a .pipeline file says about an element's properties."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from deploy.host.catalog.numbers import real_number, whole_number
from deploy.sdk_codes import INVALID_PROPERTIES, SdkFault
from deploy.wording import did_you_mean

SDK2 = "2.0.4"  # seen in files for that SDK
LATER = "later"  # came after 2.0.4, where its mere presence makes the stream's creation fail


@dataclass(frozen=True)
class Property:
    """One property of a factory: its default and what the SDK accepts for it.

    `limits` makes it a whole number within [low, high], `real` a decimal number; `choices` lists its legal texts;
    `pattern` is a regular expression that `says` describes in words; `takes_object` allows a JSON object instead of a
    text. `code` is the SDK's answer to an illegal value. `since` is SDK2, LATER or "" where nothing is known about it.
    A `filtered` property is GStreamer's own: the SDK checks its value and then drops it with a warning. One that is
    `read_only` cannot be set at all.
    """

    default: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    limits: tuple[int, int] | None = None
    real: tuple[float, float] | None = None
    pattern: str = ""
    says: str = ""
    takes_object: bool = False
    code: int = INVALID_PROPERTIES
    since: str = ""
    filtered: bool = False
    read_only: bool = False


# Every mxpi_ plugin has these.
COMMON = {
    "status": Property("0", choices=("0", "1")),
    "deviceId": Property("0", limits=(-1, 2**31 - 1), since=SDK2),
    "dataSource": Property("auto", since=SDK2),
    "name": Property(since=SDK2),
    "parent": Property(since=SDK2),
}


class PropertyFault(NamedTuple):
    """What is wrong with the property `name`; `name` is empty where one is missing."""

    name: str
    code: int
    sentence: str


def read_properties(
    where: str, factory: str, props: Mapping[str, Any], table: Mapping[str, Property]
) -> dict[str, Any]:
    """All properties of an element by name. `where` begins the sentence of a fault. Raises SdkFault, mostly 6015."""
    for fault in property_faults(factory, props, table):
        raise SdkFault(fault.code, f"{where}: {fault.sentence}")
    return filled(props, table)


def filled(props: Mapping[str, Any], table: Mapping[str, Property]) -> dict[str, Any]:
    """Every property of the table: as the file says it, else its default; a whole number in decimal."""
    return {name: _plain(props.get(name, known.default), known) for name, known in table.items()}


def _plain(value: Any, known: Property) -> Any:
    """The value, a whole number as Python's int() reads it: a file may say 0x10 or 010."""
    number = whole_number(value, *known.limits) if known.limits and isinstance(value, str) else None
    return value if number is None else str(number)


def property_faults(factory: str, props: Mapping[str, Any], table: Mapping[str, Property]) -> Iterator[PropertyFault]:
    """All that is wrong with an element's properties, in the order of the file."""
    for name, value in props.items():
        if name not in table:
            yield PropertyFault(
                name, INVALID_PROPERTIES, f'{factory} has no property "{name}"{did_you_mean(name, table)}'
            )
            continue
        wrong = _wrong(name, value, table[name])
        if wrong:
            text = isinstance(value, str)
            yield PropertyFault(name, table[name].code if text else INVALID_PROPERTIES, wrong)
    if props.get("parentName") and props.get("dataSource", "auto") != "auto":  # MxPluginsGetDataSource
        yield PropertyFault(
            "parentName",
            INVALID_PROPERTIES,
            "parentName and dataSource are two spellings of one property; set one of them",
        )
    for name, known in table.items():
        if known.required and name not in props:
            yield PropertyFault("", INVALID_PROPERTIES, f'{factory} needs the property "{name}"')


def faults_of_own(props: Mapping[str, Any]) -> Iterator[PropertyFault]:
    """What is wrong with those of a plugin that an app brings, whatever it knows: MxsmElement asks for texts."""
    for name, value in props.items():
        if not isinstance(value, (str, dict)):
            yield PropertyFault(name, INVALID_PROPERTIES, _no_string(name, value))


def _no_string(name: str, value: Any) -> str:
    shown = json.dumps(value)
    return f'{name} is {shown}; write every property as a string, like "{shown}"'


def _wrong(name: str, value: Any, known: Property) -> str:
    """What is wrong with a value, or an empty text."""
    if known.read_only:
        return f"{name} can only be read"
    if known.takes_object and isinstance(value, dict):
        return ""
    if not isinstance(value, str):
        return _no_string(name, value)
    if known.choices and value not in known.choices:
        close = did_you_mean(value, known.choices)
        return f'{name} is "{value}", which is none of {", ".join(filter(None, known.choices))}{close}'
    if known.limits:
        low, high = known.limits
        if whole_number(value, low, high) is None:
            return f'{name} is "{value}"; it is a whole number from {low} to {high}'
    if known.real:
        least, most = known.real
        if real_number(value, least, most) is None:
            return f'{name} is "{value}"; it is a number from {least:g} to {most:g}'
    if known.pattern and not re.fullmatch(known.pattern, value, re.ASCII):
        return f'{name} is "{value}"; it is {known.says}'
    return ""
