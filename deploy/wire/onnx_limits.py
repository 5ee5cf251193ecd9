"""Reads an ONNX file and refuses what no detector has: sizes, depths and names that would hang or harm whoever goes on.

Everything here is read from the file's fields, before any library builds a model of them. Only what a tensor becomes
while it is computed is not known here. Field numbers: onnx.proto, by way of deploy/wire/protobuf.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import NamedTuple

from compute_mAP.regular_file import read_bounded
from deploy.wire.onnx_external import External, check_external
from deploy.wire.protobuf import (
    BYTES,
    VARINT,
    Attribute,
    Field,
    Function,
    Graph,
    Model,
    Node,
    Sparse,
    Tensor,
    ValueInfo,
    content_of,
    fields,
    text_in,
    varints_in,
)

MOST_BYTES = 2**31 - 1
"""Of a file, and of a model with the files of its weights: more no protobuf message has."""
MOST_NODES = 10_000
"""With those of inner graphs, and with functions written out where they are called."""
MOST_PARTS = 3_000_000
"""Fields of all messages: what reading one after the other may cost."""
MOST_DEPTH = 16
"""Of graphs inside graphs (If, Loop, Scan)."""
MOST_SIDE = 16_384
"""Of an input that may be an image; DVPP makes images of up to 4096 px. Lists of ids or samples are longer."""
IMAGE_SIDES = 4
MOST_VALUES = 2**27
"""Of one tensor; 512 MiB in float32. YOLOv8x on an image of 2048 x 2048 px has tensors of half that."""
_BITS = {
    **dict.fromkeys((2, 3, 9, 17, 18, 19, 20, 24), 8),  # uint8, int8, bool, float8 of several kinds
    **dict.fromkeys((4, 5, 10, 16), 16),
    **dict.fromkeys((1, 6, 12), 32),
    **dict.fromkeys((7, 11, 13, 14), 64),
    15: 128,
    **dict.fromkeys((21, 22, 23), 4),
    **dict.fromkeys((25, 26), 2),
}
"""Bits of a value by TensorProto.DataType; texts (8) have no fixed size."""
_TEXT = 8
_LOCATION = b"location"
"""The key of a tensor's external_data, without which no weights lie elsewhere."""
# Bytes that each value takes at least, by the field of the tensor that holds values one by one.
_TYPED = {
    Tensor.FLOAT_DATA: 4,
    Tensor.DOUBLE_DATA: 8,
    Tensor.INT32_DATA: 1,
    Tensor.INT64_DATA: 1,
    Tensor.UINT64_DATA: 1,
}


class _Inner(NamedTuple):
    """A graph, its depth, and the names that it may read from outside."""

    content: bytes | memoryview
    depth: int
    outside: frozenset[str]


def read_model(path: Path) -> bytes:
    """The content of an ONNX file that keeps to the limits, with its weights' files where they should be.

    Raises OSError where it cannot be read as a regular file of at most MOST_BYTES, ValueError with the reason where it
    is no ONNX model, or one beyond the limits.
    """
    content = read_bounded(path, MOST_BYTES)
    check_model(content, path.parent)
    return content


def weight_files(path: Path) -> list[Path]:
    """The other files in which an ONNX file keeps weights, each once; none where it cannot be read or is faulty.

    Who opens such a model says what is wrong with it. Raises nothing.
    """
    try:
        content = read_bounded(path, MOST_BYTES)
        if _LOCATION not in content:
            return []
        return list(dict.fromkeys(entry.file for entry in check_model(content, path.parent)))
    except (OSError, ValueError, IndexError, MemoryError):
        return []


def check_model(content: bytes | memoryview, folder: Path) -> list[External]:
    """The parts of other files that hold weights. Raises ValueError as read_model does."""
    return _Check(folder).model(content)


class _Check:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts = 0
        self._nodes = 0
        self._calls: dict[tuple[str, str], int] = {}
        self._external: list[External] = []

    def model(self, content: bytes | memoryview) -> list[External]:
        graphs, functions = [], []
        for number, _, value in self._fields(content):
            if number == Model.GRAPH:
                graphs.append(content_of(value))
            elif number == Model.FUNCTIONS:
                functions.append(content_of(value))
        if not graphs:
            raise ValueError("it holds no graph")
        if len(graphs) > 1:
            raise ValueError(f"it holds {len(graphs)} graphs, expected one")
        calls = {name: self._function(body) for name, body in map(self._named, functions)}
        self._calls = {}
        self._graph(graphs[0])
        self._written_out(calls)
        size = len(content) + sum(entry.length for entry in self._external)
        if size > MOST_BYTES:
            raise ValueError(f"with the files of its weights it has {size} bytes, more than {MOST_BYTES}")
        return self._external

    def _fields(self, content: bytes | memoryview) -> Iterator[Field]:
        for field in fields(content):
            self._parts += 1
            if self._parts > MOST_PARTS:
                raise ValueError(f"it has more than {MOST_PARTS} fields, which no detector needs")
            yield field

    def _named(self, content: bytes | memoryview) -> tuple[tuple[str, str], bytes | memoryview]:
        name = domain = ""
        for number, _, value in self._fields(content):
            if number == Function.NAME:
                name = text_in(value)
            elif number == Function.DOMAIN:
                domain = text_in(value)
        return (domain, name), content

    def _function(self, content: bytes | memoryview) -> dict[tuple[str, str], int]:
        """How often a function's nodes are of each operator."""
        self._calls = {}
        nodes = [content_of(value) for number, _, value in self._fields(content) if number == Function.NODE]
        inner = [graph for node in nodes for graph in self._node(node, 0, frozenset())[2]]
        self._inner(inner)
        return self._calls

    def _graph(self, content: bytes | memoryview) -> None:
        self._inner([_Inner(content, 0, frozenset())])

    def _inner(self, graphs: list[_Inner]) -> None:
        while graphs:
            graph = graphs.pop()
            if graph.depth > MOST_DEPTH:
                raise ValueError(f"its graphs are more than {MOST_DEPTH} deep inside each other")
            graphs += self._one_graph(graph)

    def _one_graph(self, graph: _Inner) -> list[_Inner]:
        known, inputs, nodes = set(graph.outside), [], []
        for number, _, value in self._fields(graph.content):
            if number == Graph.NODE:
                nodes.append(content_of(value))
            elif number == Graph.INITIALIZER:
                known.add(self._tensor(content_of(value)))
            elif number == Graph.SPARSE_INITIALIZER:
                known.add(self._sparse(content_of(value)))
            elif number == Graph.INPUT:
                inputs.append(content_of(value))
            elif number in (Graph.OUTPUT, Graph.VALUE_INFO):
                self._value(content_of(value), False)
        weights = frozenset(known)
        known |= {self._value(content, not graph.depth, weights) for content in inputs}
        found, texts = [], []
        for content in nodes:
            reads, makes, inner = self._node(content, graph.depth, frozenset())
            texts.append((reads, makes))
            found.append(inner)
        _check_circles(texts, known)
        everything = frozenset(known.union(*(makes for _, makes in texts))) if any(found) else frozenset()
        return [_Inner(one.content, one.depth, everything) for inner in found for one in inner]

    def _node(
        self, content: bytes | memoryview, depth: int, outside: frozenset[str]
    ) -> tuple[list[str], list[str], list[_Inner]]:
        """What it reads and makes, and its inner graphs."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise ValueError(f"it has more than {MOST_NODES} nodes, which no detector needs")
        reads, makes, inner = [], [], []
        kind = domain = ""
        for number, _, value in self._fields(content):
            if number == Node.INPUT:
                reads.append(text_in(value))
            elif number == Node.OUTPUT:
                makes.append(text_in(value))
            elif number == Node.OP_TYPE:
                kind = text_in(value)
            elif number == Node.DOMAIN:
                domain = text_in(value)
            elif number == Node.ATTRIBUTE:
                for field, _, part in self._fields(content_of(value)):
                    if field in (Attribute.GRAPH, Attribute.GRAPHS):
                        inner.append(_Inner(content_of(part), depth + 1, outside))
                    elif field in (Attribute.TENSOR, Attribute.TENSORS):
                        self._tensor(content_of(part))
                    elif field in (Attribute.SPARSE_TENSOR, Attribute.SPARSE_TENSORS):
                        self._sparse(content_of(part))
        self._calls[domain, kind] = self._calls.get((domain, kind), 0) + 1
        return reads, makes, inner

    def _written_out(self, calls: dict[tuple[str, str], dict[tuple[str, str], int]]) -> None:
        """How many nodes there are with every function written out; a function that calls itself has no end."""
        sizes: dict[tuple[str, str], int] = {}

        def size(name: tuple[str, str], above: tuple[tuple[str, str], ...]) -> int:
            if name in above:
                raise ValueError(f"its function '{name[1]}' calls itself")
            if len(above) > MOST_DEPTH:
                raise ValueError(f"its functions call each other more than {MOST_DEPTH} deep")
            if name not in sizes:
                inside = calls[name].items()
                sizes[name] = sum(n * (size(one, (*above, name)) if one in calls else 1) for one, n in inside)
            return sizes[name]

        whole = sum(n * (size(name, ()) if name in calls else 1) for name, n in self._calls.items())
        for name in calls:
            size(name, ())
        if whole > MOST_NODES:
            raise ValueError(f"with its functions written out it has {whole} nodes, more than {MOST_NODES}")

    def _sparse(self, content: bytes | memoryview) -> str:
        name = ""
        for number, wire, value in self._fields(content):
            if number == Sparse.VALUES:
                name = self._tensor(content_of(value))
            elif number == Sparse.INDICES:
                self._tensor(content_of(value))
            elif number == Sparse.DIMS:
                _check_values(_numbers(wire, value), "a sparse tensor")
        return name

    def _tensor(self, content: bytes | memoryview) -> str:
        """Its name."""
        name, kind, raw, typed, external = "", 0, None, 0, False
        sides: list[int] = []
        entries = []
        for number, wire, value in self._fields(content):
            if number == Tensor.NAME:
                name = text_in(value)
            elif number == Tensor.DIMS:
                sides += _numbers(wire, value)
            elif number == Tensor.DATA_TYPE and isinstance(value, int):
                kind = value
            elif number == Tensor.RAW_DATA:
                raw = len(content_of(value))
            elif number in _TYPED:
                typed += 1 if isinstance(value, int) else -(-len(value) // _TYPED[number])
            elif number == Tensor.EXTERNAL_DATA:
                entries.append(content_of(value))
            elif number == Tensor.LOCATION:
                external = value == Tensor.EXTERNAL
        what = f"the tensor '{name}'"
        if kind not in _BITS and kind != _TEXT:
            raise ValueError(f"{what} has the element type {kind}, which ONNX does not know")
        values = _check_values(sides, what)
        size = -(-values * _BITS.get(kind, 0) // 8)
        if external:
            found = check_external([self._texts(entry) for entry in entries], name, self._folder)
            if found.length < size:
                raise ValueError(f"{what} needs {size} bytes, but {found.file} has {found.length} of it")
            self._external.append(found)
        elif raw is not None and raw != size and kind != _TEXT:
            raise ValueError(f"{what} of shape {sides} has {raw} bytes, expected {size}")
        elif raw is None and kind != _TEXT and typed < (values if _BITS[kind] >= 8 else size):
            raise ValueError(f"{what} of shape {sides} has fewer values than that")
        return name

    def _texts(self, content: bytes | memoryview) -> tuple[str, str]:
        """A StringStringEntry: key and value."""
        parts = {number: text_in(value) for number, _, value in self._fields(content)}
        return parts.get(1, ""), parts.get(2, "")

    def _value(self, content: bytes | memoryview, is_input: bool, weights: frozenset[str] = frozenset()) -> str:
        """The name of an input or output; its type and sides are checked."""
        name = ""
        typed: bytes | memoryview = b""
        for number, _, value in self._fields(content):
            if number == ValueInfo.NAME:
                name = text_in(value)
            elif number == ValueInfo.TYPE:
                typed = content_of(value)
        what = f"the {'input' if is_input else 'tensor'} '{name}'"
        sides: list[int] = []
        for number, _, value in self._fields(typed):
            if number != ValueInfo.TENSOR_TYPE:
                if is_input and number in ValueInfo.OTHER_TYPES:
                    raise ValueError(f"{what} is a list or map of values, expected a tensor")
                continue
            for field, _, part in self._fields(content_of(value)):
                if field == ValueInfo.ELEMENT_TYPE and part not in _BITS and part not in (0, _TEXT):
                    raise ValueError(f"{what} has the element type {part!r}, which ONNX does not know")
                if field == ValueInfo.SHAPE:
                    sides = self._sides(content_of(part))
        for side in sides:
            if side < 0:
                raise ValueError(
                    f"{what} has a side of {side}, expected a number from 1 on; a free one has a name or nothing"
                )
            if is_input and len(sides) >= IMAGE_SIDES and name not in weights and side > MOST_SIDE:
                raise ValueError(f"{what} has a side of {side}, more than {MOST_SIDE}")
        if name not in weights:
            _check_values(sides, what)
        return name

    def _sides(self, shape: bytes | memoryview) -> list[int]:
        """The sides that are numbers."""
        return [
            _signed(value)
            for _, _, side in self._fields(shape)
            for number, _, value in self._fields(content_of(side))
            if number == 1 and isinstance(value, int)
        ]


def _check_circles(nodes: list[tuple[list[str], list[str]]], known: set[str]) -> None:
    """Raises ValueError where a node reads what is computed from what it makes.

    That nodes stand in another order than that in which they are computed is left to who reads them: some exporters
    write them so, and onnxruntime sorts them.
    """
    makers = {name: number for number, (_, makes) in enumerate(nodes) for name in makes if name and name not in known}
    waits = [len({makers[name] for name in reads if name in makers}) for reads, _ in nodes]
    takers: dict[int, set[int]] = {}
    for number, (reads, _) in enumerate(nodes):
        for name in reads:
            if name in makers:
                takers.setdefault(makers[name], set()).add(number)
    ready = [number for number, count in enumerate(waits) if not count]
    for one in ready:
        for taker in takers.get(one, ()):
            waits[taker] -= 1
            if not waits[taker]:
                ready.append(taker)
    if len(ready) < len(nodes):
        reads, makes = nodes[next(number for number, count in enumerate(waits) if count)]
        late = next(name for name in reads if name in makers and waits[makers[name]])
        raise ValueError(
            f"its graph runs in a circle: '{next(iter(makes), '')}' is computed from '{late}', and that from '"
            f"{next(iter(makes), '')}' or from another circle"
        )


def _check_values(sides: list[int], what: str) -> int:
    if any(side < 0 for side in sides):
        raise ValueError(f"{what} has a side of {min(sides)}, expected 0 or more")
    values = prod(sides)
    if values > MOST_VALUES:
        raise ValueError(f"{what} of shape {sides} would hold {values} values, more than {MOST_VALUES}")
    return values


def _numbers(wire: int, value: int | bytes | memoryview) -> list[int]:
    """A repeated int64, packed or one by one."""
    if wire == VARINT and isinstance(value, int):
        return [_signed(value)]
    if wire == BYTES and not isinstance(value, int):
        return [_signed(one) for one in varints_in(value)]
    return []


def _signed(value: int) -> int:
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value
