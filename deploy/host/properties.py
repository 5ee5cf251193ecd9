"""What properties a plugin has, and the check of what a .pipeline file says about them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.host.nearest import did_you_mean
from deploy.sdk_codes import INVALID_PROPERTIES, SdkFault


@dataclass(frozen=True)
class Property:
    """One property of a factory: its default and what the SDK accepts for it.

    `limits` makes it a whole number within [low, high]; `choices` lists its legal texts; `takes_object` allows a JSON
    object instead of a text.
    """

    default: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    limits: tuple[int, int] | None = None
    takes_object: bool = False


# Every mxpi_ plugin has these.
COMMON = {
    "status": Property("0", choices=("0", "1")),
    "deviceId": Property("0"),
    "dataSource": Property("auto"),
    "name": Property(),
    "parent": Property(),
}


def read_properties(
    where: str, factory: str, props: Mapping[str, Any], table: Mapping[str, Property]
) -> dict[str, Any]:
    """All properties of an element by name. `where` begins the sentence of a fault. Raises SdkFault 6015."""
    for name, value in props.items():
        if name not in table:
            raise SdkFault(
                INVALID_PROPERTIES, f'{where}: {factory} has no property "{name}"{did_you_mean(name, table)}'
            )
        _check(where, name, value, table[name])
    if props.get("parentName") and props.get("dataSource"):
        raise SdkFault(
            INVALID_PROPERTIES, f"{where}: parentName and dataSource are two spellings of one property; set one of them"
        )
    for name, known in table.items():
        if known.required and name not in props:
            raise SdkFault(INVALID_PROPERTIES, f'{where}: {factory} needs the property "{name}"')
    return {name: props.get(name, known.default) for name, known in table.items()}


def _check(where: str, name: str, value: Any, known: Property) -> None:
    if known.takes_object and isinstance(value, dict):
        return
    if not isinstance(value, str):
        raise SdkFault(
            INVALID_PROPERTIES,
            f'{where}: {name} is {json.dumps(value)}; write every property as a string, like "{_as_text(value)}"',
        )
    if known.choices and value not in known.choices:
        raise SdkFault(
            INVALID_PROPERTIES,
            f'{where}: {name} is "{value}", which is none of {", ".join(known.choices)}'
            f"{did_you_mean(value, known.choices)}",
        )
    if known.limits:
        low, high = known.limits
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", value, re.ASCII) or not low <= int(value) <= high:
            raise SdkFault(
                INVALID_PROPERTIES, f'{where}: {name} is "{value}"; it is a whole number from {low} to {high}'
            )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
