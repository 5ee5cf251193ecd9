"""Ascend's int8 operators in an ONNX file, which onnx itself does not know: what they are to its checker and to its
inference of shapes."""

from __future__ import annotations

import onnx

ASCEND = ("AscendQuant", "AscendDequant", "AscendAntiQuant")


def has_ascend(model: onnx.ModelProto) -> bool:
    return any(node.op_type in ASCEND for node in model.graph.node)


def without_ascend(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which each of the operators passes on what it takes: the same shapes, all of them known to onnx."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    for node in plain.graph.node:
        if node.op_type in ASCEND:
            node.op_type = "Identity"
            del node.input[1:]
            del node.attribute[:]
    return plain
