"""What an ONNX file says of its nodes, inputs and outputs, read without the package onnx, which a CANN host may lack.

ONNX is a protobuf message; the field numbers below are those of onnx.proto. Weights are stepped over, not copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from compute_mAP.errors import ModelError

FLOAT32 = 1
"""TensorProto.DataType of float32."""
_Field = tuple[int, Union[int, memoryview]]


@dataclass(frozen=True)
class OnnxNode:
    name: str
    operator: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class OnnxValue:
    """An input or output of the graph. A dimension that is not a fixed number is None; `kind` is TensorProto's."""

    name: str
    kind: int
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class OnnxGraph:
    """`opset` is that of the standard operators, 0 where the file names none; `inputs` are those without weights."""

    opset: int
    nodes: tuple[OnnxNode, ...]
    inputs: tuple[OnnxValue, ...]
    outputs: tuple[OnnxValue, ...]


def read_onnx_graph(path: Path) -> OnnxGraph:
    """Raises ModelError for a file that is missing, unreadable or no ONNX model with a graph."""
    try:
        content = memoryview(path.read_bytes())
    except OSError as fault:
        raise ModelError(f"{path} cannot be read: {fault.strerror}") from None
    try:
        return _model(content)
    except (ValueError, IndexError) as fault:
        raise ModelError(f"{path} is not an ONNX model: {fault}") from None


def _model(content: memoryview) -> OnnxGraph:
    opset, graph = 0, None
    for number, value in _fields(content):
        if number == 7:
            graph = _bytes(value)
        elif number == 8:
            parts = dict(_fields(_bytes(value)))
            if not bytes(_bytes(parts.get(1, memoryview(b"")))) or parts[1] == b"ai.onnx":
                opset = int(parts.get(2, 0))
    if graph is None:
        raise ValueError("it holds no graph")
    nodes, weights, inputs, outputs = [], set(), [], []
    for number, value in _fields(graph):
        if number == 1:
            nodes.append(_node(_bytes(value)))
        elif number == 5:
            weights.add(next((_text(part) for field, part in _fields(_bytes(value)) if field == 8), ""))
        elif number == 11:
            inputs.append(_value(_bytes(value)))
        elif number == 12:
            outputs.append(_value(_bytes(value)))
    return OnnxGraph(opset, tuple(nodes), tuple(i for i in inputs if i.name not in weights), tuple(outputs))


def _node(content: memoryview) -> OnnxNode:
    name = operator = ""
    outputs = []
    for number, value in _fields(content):
        if number == 2:
            outputs.append(_text(value))
        elif number == 3:
            name = _text(value)
        elif number == 4:
            operator = _text(value)
    return OnnxNode(name, operator, tuple(outputs))


def _value(content: memoryview) -> OnnxValue:
    name, kind = "", 0
    shape: list[int | None] = []
    for number, value in _fields(content):
        if number == 1:
            name = _text(value)
        elif number == 2:
            tensor = next((_bytes(part) for field, part in _fields(_bytes(value)) if field == 1), memoryview(b""))
            for field, part in _fields(tensor):
                if field == 1 and isinstance(part, int):
                    kind = part
                elif field == 2:
                    shape = [_side(_bytes(dim)) for _, dim in _fields(_bytes(part))]
    return OnnxValue(name, kind, tuple(shape))


def _side(content: memoryview) -> int | None:
    return next((value for number, value in _fields(content) if number == 1 and isinstance(value, int)), None)


def _fields(content: memoryview) -> Iterator[_Field]:
    """(field number, whole number or bytes) of a protobuf message. Raises ValueError where it is none."""
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = _varint(content, position)
            yield number, value
            continue
        if wire == 2:
            size, position = _varint(content, position)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"unexpected wire type {wire}")
        if size > len(content) - position:
            raise ValueError("it ends too early")
        yield number, content[position : position + size]
        position += size


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


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a message belongs")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_bytes(value)).decode("utf-8")
