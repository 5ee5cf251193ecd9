"""protobuf messages as JSON, with every field, as the SDK prints them (always_print_primitive_fields).

Fields are named in lower camel case, enums by their names; 64-bit integers and bytes (base64) are strings; only single
messages that are not set are left out. protobuf's own Python printer writes other numbers than the SDK's C++ one.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from deploy.host.metadata.object_json import protobuf_texts, reprinted


class Raw(str):
    """A text that is JSON already."""


def tree(message: Any, twice: bool = True) -> dict[str, Any]:
    """The fields as dicts, lists, strings, bools, ints and Raw numbers.

    `twice`: numbers come as the second library prints them that the SDK sends results through, else as protobuf does.
    """
    fields = [field for field in message.DESCRIPTOR.fields if _has(message, field)]
    return {field.camelcase_name: _field(message, field, twice) for field in fields}


def dump(node: Any, by_name: bool = True) -> str:
    """JSON text without blanks; keys in alphabetical order, or as they come."""
    if isinstance(node, Raw):
        return node
    if isinstance(node, dict):
        items = sorted(node.items()) if by_name else node.items()
        return "{" + ",".join(f"{_quoted(key)}:{dump(value, by_name)}" for key, value in items) + "}"
    if isinstance(node, list):
        return "[" + ",".join(dump(value, by_name) for value in node) + "]"
    return json.dumps(node, ensure_ascii=False)


def _has(message: Any, field: Any) -> bool:
    return _repeated(field) or field.type != field.TYPE_MESSAGE or message.HasField(field.name)


def _repeated(field: Any) -> bool:
    repeated = getattr(field, "is_repeated", None)  # older versions have `label`, newer ones deprecate it
    return field.label == field.LABEL_REPEATED if repeated is None else repeated


def _field(message: Any, field: Any, twice: bool) -> Any:
    value = getattr(message, field.name)
    if not _repeated(field):
        return _values([value], field, twice)[0]
    if field.type == field.TYPE_MESSAGE and field.message_type.GetOptions().map_entry:
        kind = field.message_type.fields_by_name["value"]
        return dict(zip(map(str, value), _values(list(value.values()), kind, twice)))
    return _values(list(value), field, twice)


def _values(values: list[Any], field: Any, twice: bool) -> list[Any]:
    if field.type == field.TYPE_MESSAGE:
        return [tree(value, twice) for value in values]
    if field.type == field.TYPE_FLOAT:
        texts = protobuf_texts(np.array(values, np.float32))
        return [Raw(reprinted(text) if twice else text) for text in texts]
    if field.type == field.TYPE_ENUM:
        names = field.enum_type.values_by_number
        return [names[value].name if value in names else value for value in values]
    if field.type == field.TYPE_BYTES:
        return [base64.b64encode(value).decode() for value in values]
    if field.type in (field.TYPE_UINT64, field.TYPE_INT64):
        return [str(value) for value in values]
    return values


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False)
