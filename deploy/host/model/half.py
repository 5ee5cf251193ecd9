"""A float32 ONNX model made to compute as one of float16 does: every weight and every activation rounded to float16.

The chip multiplies float16, sums in float32 and stores float16. A CPU has no such kernels, so the sums stay float32
(which they are on the chip) and a pair of Casts behind each operator does the rounding: docs/adr/0011.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deploy.wire.protobuf import (
    Attribute,
    Field,
    Graph,
    Model,
    Node,
    Tensor,
    ValueInfo,
    content_of,
    fields,
    int_of,
    joined,
    message,
    messages_of,
    number,
    text,
    text_in,
    text_of,
    texts_of,
)

# What these put out was there before: nothing to round again.
_MOVERS = frozenset(
    (
        *("Concat", "DepthToSpace", "Dropout", "Expand", "Flatten", "Gather", "GlobalMaxPool", "Identity", "Max"),
        *("MaxPool", "Min", "Relu", "Reshape", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose"),
        "Unsqueeze",
    )
)
# What these put out is no float activation.
_NOT_FLOAT = frozenset(("Shape", "Size", "ArgMax", "ArgMin", "NonZero", "Cast", "Equal", "Greater", "Less"))
# Their scales and sizes are settings, not weights.
_KEPT_INPUTS = frozenset(("QuantizeLinear", "DequantizeLinear", "Resize", "Upsample"))
_QUANTIZE = "QuantizeLinear"
_QUANTIZERS = frozenset((_QUANTIZE, "AscendQuant"))
_DEQUANTIZERS = frozenset(("DequantizeLinear", "AscendDequant", "AscendAntiQuant"))


def rounded_to_half(model: bytes) -> bytes:
    """The model's bytes with weights rounded, and with activations rounded as they are computed.

    Inputs and outputs stay float32 in type. A value that goes into QuantizeLinear alone is not rounded first. Raises
    ValueError for what is no ONNX model or has its weights in other files.
    """
    return joined(
        message(Model.GRAPH, _graph(list(fields(content_of(part.value))))) if part.number == Model.GRAPH else part
        for part in fields(model)
    )


def _graph(parts: list[Field]) -> Iterator[Field]:
    nodes = messages_of(parts, Graph.NODE)
    kept = {
        name for node in nodes if text_of(node, Node.OP_TYPE) in _KEPT_INPUTS for name in texts_of(node, Node.INPUT)[1:]
    }
    rounded = _rounded_outputs(parts, nodes)
    for part in parts:
        if part.number == Graph.NODE:
            yield from _node(part, rounded)
        elif part.number == Graph.INITIALIZER:
            yield message(Graph.INITIALIZER, _weights(list(fields(content_of(part.value))), kept))
        else:
            yield part


def _rounded_outputs(parts: list[Field], nodes: list[list[Field]]) -> set[str]:
    """The names of all activations that are rounded; nodes come in the order in which they are computed."""
    floats = {
        text_of(tensor, Tensor.NAME)
        for tensor in messages_of(parts, Graph.INITIALIZER)
        if int_of(tensor, Tensor.DATA_TYPE) == Tensor.FLOAT
    }
    for entry in messages_of(parts, Graph.INPUT):
        for typed in messages_of(entry, ValueInfo.TYPE):
            for tensor in messages_of(typed, ValueInfo.TENSOR_TYPE):
                if int_of(tensor, ValueInfo.ELEMENT_TYPE) == Tensor.FLOAT:
                    floats.add(text_of(entry, ValueInfo.NAME))
    users: dict[str, set[str]] = {}
    for node in nodes:
        for name in texts_of(node, Node.INPUT):
            users.setdefault(name, set()).add(text_of(node, Node.OP_TYPE))
    rounded = set()
    for node in nodes:
        kind, inputs, outputs = text_of(node, Node.OP_TYPE), texts_of(node, Node.INPUT), texts_of(node, Node.OUTPUT)
        if kind == "Constant":
            is_float = any(
                int_of(tensor, Tensor.DATA_TYPE) == Tensor.FLOAT
                for attribute in messages_of(node, Node.ATTRIBUTE)
                for tensor in messages_of(attribute, Attribute.TENSOR)
            )
            floats.update(outputs if is_float else ())
        elif kind in _DEQUANTIZERS or (kind not in _NOT_FLOAT | _QUANTIZERS and inputs and inputs[0] in floats):
            floats.update(outputs[:1] if kind != "Split" else outputs)
            if kind not in _MOVERS and users.get(outputs[0]) != {_QUANTIZE}:
                rounded.add(outputs[0])
    return rounded


def _node(part: Field, rounded: set[str]) -> Iterator[Field]:
    node = list(fields(content_of(part.value)))
    name = next(iter(texts_of(node, Node.OUTPUT)), "")
    if name not in rounded:
        yield part
        return
    raw, half = f"{name}/raw", f"{name}/half"
    renamed = [
        text(Node.OUTPUT, raw) if field.number == Node.OUTPUT and text_in(field.value) == name else field
        for field in node
    ]
    yield message(Graph.NODE, renamed)
    yield _cast(raw, half, Tensor.FLOAT16)
    yield _cast(half, name, Tensor.FLOAT)


def _cast(source: str, target: str, kind: int) -> Field:
    to = [text(Attribute.NAME, "to"), number(Attribute.INT, kind), number(Attribute.TYPE, Attribute.KIND_INT)]
    parts = [text(Node.INPUT, source), text(Node.OUTPUT, target), text(Node.NAME, f"{target}/cast")]
    return message(Graph.NODE, [*parts, text(Node.OP_TYPE, "Cast"), message(Node.ATTRIBUTE, to)])


def _weights(tensor: list[Field], kept: set[str]) -> list[Field]:
    if int_of(tensor, Tensor.DATA_TYPE) != Tensor.FLOAT or text_of(tensor, Tensor.NAME) in kept:
        return tensor
    if int_of(tensor, Tensor.LOCATION):
        raise ValueError(f"the weights {text_of(tensor, Tensor.NAME)} lie in another file")
    # float_data may come packed, value by value, or both
    data = b"".join(content_of(part.value) for part in tensor if part.number in (Tensor.FLOAT_DATA, Tensor.RAW_DATA))
    with np.errstate(over="ignore"):
        values = np.frombuffer(data, "<f4").astype(np.float16).astype("<f4")
    others = [part for part in tensor if part.number not in (Tensor.FLOAT_DATA, Tensor.RAW_DATA)]
    return [*others, Field(Tensor.RAW_DATA, 2, values.tobytes())]
