"""Small detectors for the tests of lint: one without a fault, and what is done to it to make each fault."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.compress.pad.nets import Net

CLASSES = 3
STRIDES = (8, 16, 32)


def head(net: Net, x: str, stride: int, size: tuple[int, int]) -> str:
    """YOLOv5's: convolution, reshape, transpose."""
    side = net.node("AveragePool", [x], net.counts[x], kernel_shape=[stride] * 2, strides=[stride] * 2)
    conv = net.conv(side, 3 * (5 + CLASSES))
    shape = [1, 3, 5 + CLASSES, size[0] // stride, size[1] // stride]
    five = net.node("Reshape", [conv, net.constant(shape, np.int64)], 3)
    return net.node("Transpose", [five], 3, perm=[0, 1, 3, 4, 2])


def detector(
    opset: int = 11, size: tuple[int, int] = (64, 64), strides: tuple[int, ...] = STRIDES, width: int = 16
) -> tuple[Net, str, list[str]]:
    """The net, its last feature map (of the input's size), and its raw heads."""
    net = Net(opset)
    net.input_shape = [1, 3, *size]
    x = net.unary("Relu", net.conv(net.conv("images", width, 3), width, 3))
    return net, x, [head(net, x, stride, size) for stride in strides]


def sound(**values: Any) -> onnx.ModelProto:
    net, _, heads = detector(**values)
    return net.model(*heads)


def decoded() -> onnx.ModelProto:
    """What exporters of today write: decoded boxes of all scales in one tensor."""
    net, _, heads = detector()
    rows = []
    for name in heads:
        scaled = net.node("Mul", [net.unary("Sigmoid", name), net.constant(2.0)], 3)
        rows.append(net.node("Reshape", [scaled, net.constant([1, -1, 5 + CLASSES], np.int64)], 3))
    return net.model(net.node("Concat", rows, 0, axis=1))


def suppressed(inputs: int = 5) -> onnx.ModelProto:
    net, _, heads = detector()
    flat = [net.node("Reshape", [h, net.constant([1, -1, 8], np.int64)], 3) for h in heads]
    rows = net.node("Concat", flat, 3, axis=1)
    boxes = net.node("Slice", [rows, *(net.constant([v], np.int64) for v in (0, 4, 2, 1))], 3)
    scores = net.node("Slice", [rows, *(net.constant([v], np.int64) for v in (5, 8, 2, 1))], 3)
    turned = net.node("Transpose", [scores], 3, perm=[0, 2, 1])
    limits = [net.constant([10], np.int64), net.constant([0.5]), net.constant([0.1])]
    kept = net.node("NonMaxSuppression", [boxes, turned, *limits][:inputs], 3)
    return net.model(kept, kind=TensorProto.INT64)


def chosen() -> onnx.ModelProto:
    """The best rows by TopK, their indices divided as end-to-end detectors do to find class and row."""
    net, _, heads = detector()
    flat = [net.node("Reshape", [h, net.constant([1, -1], np.int64)], 192) for h in heads]
    scores = net.node("Concat", flat, 192, axis=1)
    net.node("TopK", [scores, net.constant([5], np.int64)], 5, 2, axis=1)
    indices = net.nodes[-1].output[1]
    rows = net.node("Unsqueeze", [indices], 5, axes=[2])
    return net.model(net.node("Div", [rows, net.constant([3], np.int64)], 5), kind=TensorProto.INT64)


def plugged(kind: str, domain: str) -> onnx.ModelProto:
    """A plugin of another runtime at the end of the graph, as exporters for TensorRT write it."""
    model = decoded()
    rows = model.graph.output[0].name
    node = helper.make_node(kind, [rows], ["num", "boxes"], "plugin", domain=domain, iou_threshold=0.5)
    model.graph.node.append(node)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("num", TensorProto.INT32, [1, 1]))
    model.graph.output.append(helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 100, 4]))
    if domain:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    return model


def with_domain(domain: str, version: int = 1) -> onnx.ModelProto:
    model = sound()
    model.opset_import.append(helper.make_opsetid(domain, version))
    return model


def with_function() -> onnx.ModelProto:
    """The image goes through a function that the model defines itself, as exporters of torch's dynamo write them."""
    model = behind_input(sound(), "halved", domain="own")
    body = [helper.make_node("Sigmoid", ["x"], ["s"]), helper.make_node("Mul", ["x", "s"], ["y"])]
    model.functions.append(helper.make_function("own", "halved", ["x"], ["y"], body, [helper.make_opsetid("", 11)]))
    model.opset_import.append(helper.make_opsetid("own", 1))
    return model


def branches() -> onnx.ModelProto:
    """YOLOv8's: two convolutions a scale, put in a row and decoded with a convolution of their own (DFL)."""
    net = Net(11)
    net.input_shape = [1, 3, 64, 64]
    x = net.unary("Relu", net.conv("images", 16, 3))
    boxes, classes = [], []
    for stride in STRIDES:
        side = net.node("AveragePool", [x], 16, kernel_shape=[stride] * 2, strides=[stride] * 2)
        for kind, count in ((boxes, 64), (classes, CLASSES)):
            conv = net.conv(side, count)
            kind.append(net.node("Reshape", [conv, net.constant([1, count, -1], np.int64)], count))
    bins = net.node("Reshape", [net.node("Concat", boxes, 64, axis=2), net.constant([1, 4, 16, -1], np.int64)], 4)
    soft = net.node("Softmax", [net.node("Transpose", [bins], 4, perm=[0, 3, 1, 2])], 84, axis=3)
    mean = net.conv(net.node("Transpose", [soft], 16, perm=[0, 3, 2, 1]), 1, bias=False)
    sides = net.node("Reshape", [mean, net.constant([1, 4, -1], np.int64)], 4)
    sure = net.unary("Sigmoid", net.node("Concat", classes, CLASSES, axis=2))
    return net.model(net.node("Concat", [sides, sure], 7, axis=1))


def focused(order: str = "torch", merged: bool = False, stride: int = 1) -> onnx.ModelProto:
    """The stem of YOLOv5 5.0, its slices in one node each (`merged`) or a node for rows and one for columns."""
    net = Net(11)
    net.input_shape = [1, 3, 64, 128]
    offsets = [(0, 0), (1, 0), (0, 1), (1, 1)]
    parts = []
    for row, column in offsets if order == "torch" else offsets[::-1]:
        if merged:
            lists = ([row, column], [2**31 - 1] * 2, [2, 3], [2, 2])
            parts.append(net.node("Slice", ["images", *(net.constant(v, np.int64) for v in lists)], 3))
        else:
            rows = net.slice("images", row, 2**31 - 1, axis=2, step=2)
            parts.append(net.slice(rows, column, 2**31 - 1, axis=3, step=2))
    x = net.unary("Relu", net.conv(net.node("Concat", parts, 12, axis=1), 16, 3, strides=[stride] * 2))
    factor = 2 * stride
    size = (64 // factor, 128 // factor)
    return net.model(*(head(net, x, s // factor, size) for s in STRIDES))


def change(model: onnx.ModelProto, **values: Any) -> onnx.ModelProto:
    """Sets fields of the first input: `side` (axis, value), `kind`, `name`."""
    value = model.graph.input[0]
    if "side" in values:
        axis, side = values["side"]
        dimension = value.type.tensor_type.shape.dim[axis]
        dimension.Clear()
        if side is not None:
            dimension.dim_value = side
    if "kind" in values:
        value.type.tensor_type.elem_type = values["kind"]
    if "name" in values:
        for node in model.graph.node:
            for index, name in enumerate(node.input):
                if name == value.name:
                    node.input[index] = values["name"]
        value.name = values["name"]
    del model.graph.value_info[:]
    return model


def scale_weights(model: onnx.ModelProto, factor: float) -> onnx.ModelProto:
    for entry in model.graph.initializer:
        if len(entry.dims) == 4:
            entry.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(entry) * np.float32(factor), entry.name))
    return model


def insert(model: onnx.ModelProto, *nodes: onnx.NodeProto, at: int = 0) -> onnx.ModelProto:
    for node in reversed(nodes):
        model.graph.node.insert(at, node)
    return model


def behind_input(model: onnx.ModelProto, operator: str, **values: Any) -> onnx.ModelProto:
    """Puts an operator between the image and the first layer."""
    first = model.graph.node[0]
    first.input[0] = "changed"
    inputs = ["images"]
    for name, constant in values.pop("constants", {}).items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(constant), name))
        inputs.append(name)
    return insert(model, helper.make_node(operator, inputs, ["changed"], "inserted", **values))
