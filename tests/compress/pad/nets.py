"""Builds small ONNX graphs for the tests, operator by operator, with weights from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """Each method adds a node and returns the name of what it makes; `counts` has the channels of each tensor."""

    def __init__(self, opset: int = 11, channels: int = 3, size: int = 16, seed: int = 0) -> None:
        self.opset = opset
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.input_shape = [1, channels, size, size]
        self.counts = {"images": channels}

    def constant(self, value: Any, kind: type = np.float32) -> str:
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def node(self, operator: str, inputs: list[str], channels: int, outputs: int = 1, **values: Any) -> str:
        names = [f"t{len(self.counts) + i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, f"{operator.lower()}_{len(self.nodes)}", **values))
        self.counts.update(dict.fromkeys(names, channels))
        return names[0]

    def conv(self, x: str, out: int, kernel: int = 1, group: int = 1, bias: bool = True, **values: Any) -> str:
        inputs = self.counts[x] // group
        weight = self.random.normal(0, 1 / np.sqrt(inputs * kernel**2), (out, inputs, kernel, kernel))
        names = [x, self.constant(weight)] + ([self.constant(self.random.normal(0, 0.3, out))] if bias else [])
        return self.node("Conv", names, out, group=group, pads=[kernel // 2] * 4, **values)

    def transposed(self, x: str, out: int, group: int = 1) -> str:
        weight = self.random.normal(0, 1 / np.sqrt(self.counts[x]), (self.counts[x], out // group, 2, 2))
        names = [x, self.constant(weight), self.constant(self.random.normal(0, 0.3, out))]
        return self.node("ConvTranspose", names, out, group=group, strides=[2, 2])

    def norm(self, x: str, operator: str = "BatchNormalization") -> str:
        count = self.counts[x]
        values = [self.random.uniform(0.5, 1.5, count), self.random.normal(0, 0.5, count)]
        if operator == "BatchNormalization":
            values += [self.random.normal(0, 0.5, count), self.random.uniform(0.5, 1.5, count)]
        return self.node(operator, [x, *(self.constant(value) for value in values)], count)

    def unary(self, operator: str, x: str, **values: Any) -> str:
        return self.node(operator, [x], self.counts[x], **values)

    def silu(self, x: str) -> str:
        return self.binary("Mul", x, self.unary("Sigmoid", x))

    def binary(self, operator: str, x: str, y: str) -> str:
        return self.node(operator, [x, y], max(self.counts[x], self.counts.get(y, 1)))

    def with_constant(self, operator: str, x: str, shape: tuple[int, ...], first: bool = False) -> str:
        other = self.constant(self.random.uniform(0.5, 2, shape))
        return self.node(operator, [other, x] if first else [x, other], self.counts[x])

    def concat(self, *parts: str, axis: int = 1) -> str:
        total = sum(self.counts[part] for part in parts) if axis == 1 else self.counts[parts[0]]
        return self.node("Concat", list(parts), total, axis=axis)

    def split(self, x: str, *sizes: int) -> list[str]:
        if self.opset < 13:
            first = self.node("Split", [x], 0, len(sizes), axis=1, split=list(sizes))
        else:
            first = self.node("Split", [x, self.constant(sizes, np.int64)], 0, len(sizes), axis=1)
        names = [f"t{int(first[1:]) + i}" for i in range(len(sizes))]
        self.counts.update(zip(names, sizes, strict=True))
        return names

    def slice(self, x: str, start: int, end: int, axis: int = 1, step: int = 1) -> str:
        count = len(range(*slice(start, end, step).indices(self.counts[x]))) if axis == 1 else self.counts[x]
        if self.opset < 10:
            return self.node("Slice", [x], count, starts=[start], ends=[end], axes=[axis])
        names = [self.constant([value], np.int64) for value in (start, end, axis, step)]
        return self.node("Slice", [x, *names], count)

    def up(self, x: str, sizes: list[int] | None = None) -> str:
        empty = self.constant([], np.float32)
        inputs = [x, empty, self.constant([1, 1, 2, 2])]
        if sizes:
            inputs = [x, empty, empty, self.constant(sizes, np.int64)]
        values = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.node("Resize", inputs, self.counts[x], **values)

    def pool(self, x: str, operator: str = "MaxPool", kernel: int = 3, stride: int = 1) -> str:
        return self.unary(operator, x, kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4, strides=[stride] * 2)

    def model(self, *outputs: str, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
        made = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, self.input_shape)
        graph = helper.make_graph(self.nodes, "net", [images], made, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        onnx.checker.check_model(model)
        return model
