"""Protobuf messages without the package protobuf: as fields, and the numbers of onnx.proto that are used.

Whatever nobody looks into stays a view of the file and is written back byte for byte. Source: protobuf's encoding
documentation; onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Union

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: 8, FIXED32: 4}

Value = Union[int, bytes, memoryview]


class Field(NamedTuple):
    """A field's number, its wire type, and its value: an int for VARINT, else its bytes."""

    number: int
    wire: int
    value: Value


class Model:
    """ModelProto."""

    GRAPH, OPSET_IMPORT, FUNCTIONS = 7, 8, 25


class Graph:
    """GraphProto."""

    NODE, INITIALIZER, INPUT, OUTPUT, VALUE_INFO, SPARSE_INITIALIZER = 1, 5, 11, 12, 13, 15


class Function:
    """FunctionProto."""

    NAME, NODE, DOMAIN = 1, 7, 10


class Node:
    """NodeProto."""

    INPUT, OUTPUT, NAME, OP_TYPE, ATTRIBUTE, DOMAIN = 1, 2, 3, 4, 5, 7


class Attribute:
    """AttributeProto."""

    NAME, FLOAT, INT, TEXT, TENSOR, GRAPH, TENSORS, GRAPHS, TYPE = 1, 2, 3, 4, 5, 6, 10, 11, 20
    SPARSE_TENSOR, SPARSE_TENSORS = 22, 23
    KIND_FLOAT, KIND_INT = 1, 2


class Tensor:
    """TensorProto."""

    DIMS, DATA_TYPE, FLOAT_DATA, NAME, RAW_DATA, LOCATION = 1, 2, 4, 8, 9, 14
    INT32_DATA, INT64_DATA, DOUBLE_DATA, UINT64_DATA, EXTERNAL_DATA = 5, 7, 10, 11, 13
    FLOAT, FLOAT16 = 1, 10
    EXTERNAL = 1


class Sparse:
    """SparseTensorProto."""

    VALUES, INDICES, DIMS = 1, 2, 3


class ValueInfo:
    """ValueInfoProto, TypeProto and its tensor type, one inside the other."""

    NAME, TYPE, TENSOR_TYPE, ELEMENT_TYPE, SHAPE = 1, 2, 1, 1, 2
    OTHER_TYPES = (4, 5, 7, 8, 9)


def fields(message: bytes | memoryview) -> Iterator[Field]:
    """The fields of a message in their order, what is not a number as views. Raises ValueError where it is none."""
    content = memoryview(message)
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, position = _varint(content, position)
            yield Field(number, wire, value)
            continue
        if wire == BYTES:
            size, position = _varint(content, position)
        elif wire in _SIZES:
            size = _SIZES[wire]
        else:
            raise ValueError(f"unexpected wire type {wire}")
        if size > len(content) - position:
            raise ValueError("it ends too early")
        yield Field(number, wire, content[position : position + size])
        position += size


def content_of(value: Value) -> bytes | memoryview:
    """The bytes of a field that holds a message or a text. Raises ValueError for a number."""
    if isinstance(value, int):
        raise ValueError("a number stands where a message belongs")
    return value


def text_in(value: Value) -> str:
    return str(content_of(value), "utf-8")


def joined(parts: Iterable[Field]) -> bytes:
    """The message that has these fields."""
    out = bytearray()
    for number, wire, value in parts:
        out += _encoded(number << 3 | wire)
        if isinstance(value, int):
            out += _encoded(value)
        else:
            if wire == BYTES:
                out += _encoded(len(value))
            out += value
    return bytes(out)


def message(number: int, parts: Iterable[Field]) -> Field:
    """A field that holds a message."""
    return Field(number, BYTES, joined(parts))


def text(number: int, value: str) -> Field:
    return Field(number, BYTES, value.encode())


def number(number: int, value: int) -> Field:
    return Field(number, VARINT, value)


def texts_of(parts: Iterable[Field], number: int) -> list[str]:
    """All values of a repeated string field."""
    return [text_in(part.value) for part in parts if part.number == number]


def text_of(parts: Iterable[Field], number: int) -> str:
    """The value of a string field, empty where it is absent."""
    return (texts_of(parts, number) or [""])[-1]


def int_of(parts: Iterable[Field], number: int) -> int:
    """The value of an integer field, 0 where it is absent."""
    return ([part.value for part in parts if part.number == number and isinstance(part.value, int)] or [0])[-1]


def messages_of(parts: Iterable[Field], number: int) -> list[list[Field]]:
    """All values of a repeated message field."""
    return [list(fields(content_of(part.value))) for part in parts if part.number == number]


def varints_in(content: bytes | memoryview) -> list[int]:
    """The numbers of a packed repeated field. Raises ValueError where they are none."""
    view, position, numbers = memoryview(content), 0, []
    while position < len(view):
        value, position = _varint(view, position)
        numbers.append(value)
    return numbers


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        if position >= len(content):
            raise ValueError("it ends too early")
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number is too long")


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
