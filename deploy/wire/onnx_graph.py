"""What an ONNX file says of its nodes, inputs and outputs, read without the package onnx, which a CANN host may lack.

ONNX is a protobuf message; the field numbers below are those of onnx.proto. Weights are stepped over, not copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploy.errors import ModelError
from deploy.wire.onnx_limits import read_model
from deploy.wire.protobuf import content_of, fields, text_in

FLOAT32 = 1
"""TensorProto.DataType of float32."""


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
    """`opset` is that of the standard operators, 0 where the file names none; `inputs` are those without weights;
    `domains` has the domain of every entry of opset_import."""

    opset: int
    nodes: tuple[OnnxNode, ...]
    inputs: tuple[OnnxValue, ...]
    outputs: tuple[OnnxValue, ...]
    domains: tuple[str, ...] = ()


def read_onnx_graph(path: Path) -> OnnxGraph:
    """Raises ModelError for a file that is missing, unreadable or no ONNX model within the limits of onnx_limits."""
    try:
        return _model(memoryview(read_model(path)))
    except OSError as fault:
        raise ModelError(f"{path} cannot be read: {fault.strerror}") from None
    except (ValueError, IndexError) as fault:
        raise ModelError(f"{path} is not an ONNX model: {fault}") from None


def _model(content: bytes | memoryview) -> OnnxGraph:
    opset, graph, domains = 0, None, []
    for number, _, value in fields(content):
        if number == 7:
            graph = content_of(value)
        elif number == 8:
            parts = {number: part for number, _, part in fields(content_of(value))}
            domains.append(text_in(parts.get(1, b"")))
            version = parts.get(2, 0)
            if domains[-1] in ("", "ai.onnx") and isinstance(version, int):
                opset = version
    if graph is None:
        raise ValueError("it holds no graph")
    nodes, weights, inputs, outputs = [], set(), [], []
    for number, _, value in fields(graph):
        if number == 1:
            nodes.append(_node(content_of(value)))
        elif number == 5:
            weights.add(next((text_in(part) for field, _, part in fields(content_of(value)) if field == 8), ""))
        elif number == 11:
            inputs.append(_value(content_of(value)))
        elif number == 12:
            outputs.append(_value(content_of(value)))
    return OnnxGraph(
        opset, tuple(nodes), tuple(i for i in inputs if i.name not in weights), tuple(outputs), tuple(domains)
    )


def _node(content: bytes | memoryview) -> OnnxNode:
    name = operator = ""
    outputs = []
    for number, _, value in fields(content):
        if number == 2:
            outputs.append(text_in(value))
        elif number == 3:
            name = text_in(value)
        elif number == 4:
            operator = text_in(value)
    return OnnxNode(name, operator, tuple(outputs))


def _value(content: bytes | memoryview) -> OnnxValue:
    name, kind = "", 0
    shape: list[int | None] = []
    for number, _, value in fields(content):
        if number == 1:
            name = text_in(value)
        elif number == 2:
            tensor = next(
                (content_of(part) for field, _, part in fields(content_of(value)) if field == 1), memoryview(b"")
            )
            for field, _, part in fields(tensor):
                if field == 1 and isinstance(part, int):
                    kind = part
                elif field == 2:
                    shape = [_side(content_of(dim)) for _, _, dim in fields(content_of(part))]
    return OnnxValue(name, kind, tuple(shape))


def _side(content: bytes | memoryview) -> int | None:
    return next((value for number, _, value in fields(content) if number == 1 and isinstance(value, int)), None)
