"""Nodes and weights of an ONNX graph as Python values and back, without the package onnx. Source: onnx.proto."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Union

import numpy as np

from deploy.wire.protobuf import (
    FIXED32,
    Attribute,
    Field,
    Graph,
    Model,
    Node,
    Tensor,
    content_of,
    fields,
    int_of,
    joined,
    message,
    number,
    text,
    text_of,
    texts_of,
    varints_in,
)

AttributeValue = Union[int, float, bytes, None]
_TYPES = {
    1: ("<f4", Tensor.FLOAT_DATA),
    3: ("i1", Tensor.INT32_DATA),
    6: ("<i4", Tensor.INT32_DATA),
    13: ("<u8", Tensor.UINT64_DATA),
}
_CODES = {np.dtype(kind): code for code, (kind, _) in _TYPES.items()}


@dataclass
class GraphNode:
    """A node. `attributes` are kept as they stand in the file; `attribute` reads one."""

    operator: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: list[Field] = field(default_factory=list)

    @classmethod
    def read(cls, content: bytes | memoryview) -> GraphNode:
        parts = list(fields(content))
        rest = [part for part in parts if part.number == Node.ATTRIBUTE]
        names = (text_of(parts, Node.OP_TYPE), text_of(parts, Node.NAME))
        return cls(*names, texts_of(parts, Node.INPUT), texts_of(parts, Node.OUTPUT), rest)

    def attribute(self, name: str) -> AttributeValue:
        """An int, float or text attribute (bytes); None where the node has none of that name."""
        for entry in self.attributes:
            parts = list(fields(content_of(entry.value)))
            if text_of(parts, Attribute.NAME) != name:
                continue
            for part in parts:
                if part.number == Attribute.FLOAT:
                    return float(struct.unpack("<f", bytes(content_of(part.value)))[0])
                if part.number == Attribute.TEXT:
                    return bytes(content_of(part.value))
                if part.number == Attribute.INT:
                    value = int(part.value)
                    return value - (1 << 64) if value >> 63 else value
            return 0  # a value of 0 may be left out of the file
        return None

    def field(self) -> Field:
        parts = [text(Node.INPUT, name) for name in self.inputs] + [text(Node.OUTPUT, name) for name in self.outputs]
        return message(
            Graph.NODE, [*parts, text(Node.NAME, self.name), text(Node.OP_TYPE, self.operator), *self.attributes]
        )


def int_attribute(name: str, value: int) -> Field:
    parts = [text(Attribute.NAME, name), number(Attribute.INT, value), number(Attribute.TYPE, Attribute.KIND_INT)]
    return message(Node.ATTRIBUTE, parts)


def float_attribute(name: str, value: float) -> Field:
    real = Field(Attribute.FLOAT, FIXED32, struct.pack("<f", value))
    return message(Node.ATTRIBUTE, [text(Attribute.NAME, name), real, number(Attribute.TYPE, Attribute.KIND_FLOAT)])


def nodes_of(graph: Sequence[Field]) -> list[GraphNode]:
    """The nodes of a graph, in the file's order."""
    return [GraphNode.read(content_of(part.value)) for part in graph if part.number == Graph.NODE]


def weights_of(graph: Sequence[Field]) -> dict[str, np.ndarray]:
    """The initializers of a graph that `array_of` can read, by name."""
    found = {}
    for part in graph:
        if part.number == Graph.INITIALIZER:
            tensor = list(fields(content_of(part.value)))
            values = array_of(tensor)
            if values is not None:
                found[text_of(tensor, Tensor.NAME)] = values
    return found


def graph_of(model: bytes) -> list[Field]:
    """The fields of a model's graph; none where it has no graph. Raises ValueError for what is no ONNX model."""
    graphs = [part for part in fields(model) if part.number == Model.GRAPH]
    return list(fields(content_of(graphs[0].value))) if graphs else []


def with_graph(model: bytes, parts: Iterable[Field]) -> bytes:
    """The model with another graph."""
    graph = message(Model.GRAPH, parts)
    return joined(graph if part.number == Model.GRAPH else part for part in fields(model))


def array_of(tensor: Sequence[Field]) -> np.ndarray | None:
    """An initializer of float32, int8, int32 or uint64; None for one of another type.

    Raises ValueError where its values lie in another file or are not as many as its shape says.
    """
    code = int_of(tensor, Tensor.DATA_TYPE)
    if code not in _TYPES:
        return None
    if int_of(tensor, Tensor.LOCATION):
        raise ValueError(f"the weights {text_of(tensor, Tensor.NAME)} lie in another file")
    kind, listed = _TYPES[code]
    raw = [content_of(part.value) for part in tensor if part.number == Tensor.RAW_DATA]
    if raw:
        values = np.frombuffer(b"".join(raw), kind)
    elif listed == Tensor.FLOAT_DATA:
        values = np.frombuffer(b"".join(content_of(p.value) for p in tensor if p.number == listed), kind)
    else:
        values = np.array(_numbers(tensor, listed), np.uint64).astype(np.dtype(kind))
    return values.reshape(_numbers(tensor, Tensor.DIMS))


def tensor_field(name: str, values: np.ndarray) -> Field:
    """An initializer that holds a float32, int8, int32 or uint64 array."""
    parts = [number(Tensor.DIMS, side) for side in values.shape]
    parts += [number(Tensor.DATA_TYPE, _CODES[values.dtype]), text(Tensor.NAME, name)]
    return message(Graph.INITIALIZER, [*parts, Field(Tensor.RAW_DATA, 2, values.tobytes())])


def in_order(nodes: Iterable[GraphNode]) -> list[GraphNode]:
    """The nodes so that each stands behind those that make its inputs, otherwise in their own order.

    Raises ValueError where they run in a circle.
    """
    waiting = list(nodes)
    made = {name for node in waiting for name in node.outputs if name}
    known: set[str] = set()
    ordered = []
    while waiting:
        later = []
        for node in waiting:
            if all(name in known or name not in made for name in node.inputs):
                ordered.append(node)
                known.update(node.outputs)
            else:
                later.append(node)
        if len(later) == len(waiting):
            raise ValueError(f"node '{later[0].name}' takes what is made only behind it")
        waiting = later
    return ordered


def _numbers(parts: Sequence[Field], wanted: int) -> list[int]:
    """A repeated number, packed or one by one."""
    found: list[int] = []
    for part in parts:
        if part.number == wanted:
            found += [part.value] if isinstance(part.value, int) else varints_in(content_of(part.value))
    return found
