"""Runs Ascend's int8 operators on a CPU: AscendQuant -> convolution on int8 -> AscendDequant become float operators
that give the same numbers.

A float32 convolution on whole numbers is exact while its sums stay below 2^24, whatever the order of the additions.
Where a layer's sums may grow beyond, its weights go in two parts, 16 * high + low, whose sums are put together as
int32.

EXACT is the arithmetic that the operators' documents describe (what CANN's AMCT computes in its fake_quant model):

    q = clip(rint(x * scale + offset), -128, 127)      y = float32(conv(q - offset, W) + B) * deq_scale

The chips' kernels compute in float16 (sources: ops-nn, canndev's ascend_quant.py, ascend_dequant.py). ASCEND_310 has
float16 scales, and where one of a layer is below 2^-14 multiplies twice by their roots; ASCEND_310P keeps float32
scales for what comes out; ASCEND_310B drops the low 13 bits of a scale, which is inferred from the tools and not
documented. How the chips round within a product is not published: here once. A convolution whose input has 16 channels
or fewer is put back into float16 by ATC, and so it is for the chips here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from deploy.host.log import log
from deploy.host.model.onnx_parts import (
    GraphNode,
    graph_of,
    in_order,
    int_attribute,
    nodes_of,
    tensor_field,
    weights_of,
    with_graph,
)
from deploy.host.numerics import ASCEND_310, ASCEND_310B, EXACT
from deploy.wire.protobuf import Field, Graph, Tensor, content_of, fields, text_of

QUANT, DEQUANT, ANTIQUANT = "AscendQuant", "AscendDequant", "AscendAntiQuant"
FUSIONS = ("ConvMulFusion", "ConvAddFusion")
"""What onnxruntime must not do to the result: it would multiply scales into whole-number weights."""
ROLLBACK = 16
"""ATC computes a convolution in half precision where its quantised input has at most so many channels."""
_LARGEST = 1 << 24
_SMALLEST_HALF = 2.0**-14
_S19 = np.uint32(0xFFFFE000)


def has_ascend_operators(model: bytes) -> bool:
    """Whether the model has AscendQuant or its counterparts. Raises ValueError for what is no ONNX model."""
    return any(node.operator in (QUANT, DEQUANT, ANTIQUANT) for node in nodes_of(graph_of(model)))


def in_computed_order(model: bytes) -> bytes:
    """The model with each node behind those that make its inputs, as some tools do not leave it.

    Raises ValueError where they run in a circle.
    """
    parts = graph_of(model)
    nodes = [node.field() for node in in_order(nodes_of(parts))]
    return with_graph(model, [*nodes, *(part for part in parts if part.number != Graph.NODE)])


def lowered(model: bytes, arithmetic: str = EXACT) -> bytes:
    """The model with Ascend's operators written as ONNX's own, nodes in the order of computation.

    `arithmetic` is EXACT, ASCEND_310, ASCEND_310P or ASCEND_310B. Run the result without FUSIONS. Raises ValueError for
    a model whose int8 operators do not belong together or whose weights are none.
    """
    return with_graph(model, _Lowering(graph_of(model), arithmetic).parts())


@dataclass
class _Quant:
    """A quantiser: what it takes, its factor 1 / s, and the whole number that it adds."""

    source: str
    scale: np.float32
    offset: float


@dataclass
class _Lowering:
    graph: list[Field]
    arithmetic: str
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    added: dict[str, np.ndarray] = field(default_factory=dict)
    quants: dict[str, _Quant] = field(default_factory=dict)
    made: list[GraphNode] = field(default_factory=list)
    told_of: list[str] = field(default_factory=list)

    def parts(self) -> Iterator[Field]:
        """The fields of the lowered graph."""
        nodes = in_order(nodes_of(self.graph))
        self.weights = weights_of(self.graph)
        self._lower(nodes)
        if self.told_of:
            log.warning(
                "the offset of %s '%s' is an INT, as are %d in all; ATC takes it for 0",
                QUANT,
                self.told_of[0],
                len(self.told_of),
            )
        used = {name for node in self.made for name in node.inputs}
        for part in self.graph:
            if part.number == Graph.NODE:
                continue
            if part.number == Graph.INITIALIZER:
                name = text_of(list(fields(content_of(part.value))), Tensor.NAME)
                if name in self.added or name not in used:
                    continue
            yield part
        for name, values in self.added.items():
            yield tensor_field(name, values)
        for node in self.made:
            yield node.field()

    def _lower(self, nodes: Sequence[GraphNode]) -> None:
        dequants = {node.inputs[0]: node for node in nodes if node.operator == DEQUANT}
        done: set[str] = set()
        for node in nodes:
            if node.operator == QUANT:
                self._quant(node)
            elif node.operator == ANTIQUANT:
                self._antiquant(node)
            elif node.operator == DEQUANT:
                if node.name not in done and node.outputs[0] not in done:
                    raise ValueError(f"{DEQUANT} '{node.name}' does not stand behind a convolution on int8")
            elif node.inputs and node.inputs[0] in self.quants and node.operator in ("Conv", "ConvTranspose", "Gemm"):
                after = dequants.get(node.outputs[0])
                if after is None:
                    raise ValueError(f"no {DEQUANT} stands behind '{node.name}', which computes on int8")
                self._convolution(node, after)
                done.add(after.outputs[0])
            else:
                self.made.append(node)

    def _quant(self, node: GraphNode) -> None:
        scale, offset = node.attribute("scale"), node.attribute("offset") or 0
        if not isinstance(scale, float):
            raise ValueError(f"{QUANT} '{node.name}' has no scale of type FLOAT")
        if isinstance(offset, int) and offset:
            self.told_of.append(node.name)
            offset = offset if self.arithmetic == EXACT else 0
        source, target = node.inputs[0], node.outputs[0]
        made = _Quant(source, np.float32(scale), float(offset))
        self.quants[target] = made
        if self.arithmetic == EXACT:
            scaled = self._times(source, made.scale, target)
            moved = self._made("Add", [scaled, self._number(made.offset)], f"{target}/moved")
        else:
            scaled = self._half_scaled(self._half(source, target), made.scale, target)
            moved = self._made("Add", [scaled, self._number(made.offset)], f"{target}/moved")
            moved = self._half(moved, f"{target}/moved")
        rounded = self._made("Round", [moved], f"{target}/rounded")
        above = self._made("Max", [rounded, self._number(-128)], f"{target}/above")
        self._made("Min", [above, self._number(127)], target)
        self._made("Sub", [target, self._number(made.offset)], f"{target}/centred")

    def _half_scaled(self, source: str, scale: np.float32, target: str) -> str:
        """source * scale in float16; twice by its root on a 310 where it is too small."""
        scale = np.float32(_s19(scale)) if self.arithmetic == ASCEND_310B else scale
        if self.arithmetic == ASCEND_310 and scale < _SMALLEST_HALF:
            root = np.float32(_as_half(np.sqrt(scale)))
            once = self._half(self._times(source, root, f"{target}/once"), f"{target}/once")
            return self._half(self._times(once, root, target), f"{target}/scaled")
        return self._half(self._times(source, np.float32(_as_half(scale)), target), f"{target}/scaled")

    def _antiquant(self, node: GraphNode) -> None:
        scale, offset = node.attribute("scale"), float(node.attribute("offset") or 0)
        if not isinstance(scale, float):
            raise ValueError(f"{ANTIQUANT} '{node.name}' has no scale of type FLOAT")
        centred = self._made("Sub", [node.inputs[0], self._number(offset)], f"{node.outputs[0]}/centred")
        scaled = self._made("Mul", [centred, self._number(scale)], f"{node.outputs[0]}/scaled")
        kept = scaled if self.arithmetic == EXACT else self._half(scaled, node.outputs[0])
        self._made("Identity", [kept], node.outputs[0])

    def _convolution(self, node: GraphNode, after: GraphNode) -> None:
        quant, weight = self.quants[node.inputs[0]], self.weights.get(node.inputs[1])
        if weight is None or weight.dtype != np.int8:
            raise ValueError(f"'{node.name}' computes on int8, but its weights are none")
        bias = self.weights.get(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
        if len(node.inputs) > 2 and node.inputs[2] and (bias is None or bias.dtype != np.int32):
            raise ValueError(f"'{node.name}' computes on int8, but its bias is no int32")
        words = self.weights.get(after.inputs[1])
        if words is None or words.dtype != np.uint64 or words.ndim != 1:
            raise ValueError(f"{DEQUANT} '{after.name}' has no scales of uint64 [channels]")
        scales = (words & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.float32)
        group = node.attribute("group") or 1
        channels = weight.shape[1] * int(group) if node.operator == "Conv" else weight.shape[0]
        if self.arithmetic != EXACT and node.operator != "Gemm" and channels <= ROLLBACK:
            self._rolled_back(node, after, weight, bias, scales, quant)
            return
        result = self._whole(node, weight, bias, quant)
        if after.attribute("relu_flag"):
            result = self._made("Relu", [result], f"{after.outputs[0]}/positive")
        factors = scales if node.operator == "Gemm" else scales.reshape(1, -1, 1, 1)
        self._dequantised(result, factors, after.outputs[0])

    def _whole(self, node: GraphNode, weight: np.ndarray, bias: np.ndarray | None, quant: _Quant) -> str:
        """The int32 result as float32, rounded once where float32 cannot hold it."""
        source, name = f"{node.inputs[0]}/centred", node.outputs[0]
        most = max(128 + quant.offset, 127 - quant.offset)
        wide = weight.astype(np.float64)
        axes = _summed_axes(node.operator, wide.ndim)
        bound = np.abs(wide).sum(axis=axes) * most
        if bias is not None:
            reach = bound.max() + np.abs(bias.astype(np.float64)).max(initial=0)
            if reach < _LARGEST:
                return self._layer(node, source, weight.astype(np.float32), bias.astype(np.float32), name)
        elif bound.max(initial=0) < _LARGEST:
            return self._layer(node, source, weight.astype(np.float32), None, name)
        high = np.floor_divide(weight.astype(np.int32) + 8, 16)
        low = weight.astype(np.int32) - 16 * high
        parts = []
        for which, values in (("high", high), ("low", low)):
            if (np.abs(values).sum(axis=axes) * most).max() >= _LARGEST:
                raise ValueError(f"'{node.name}' sums more products than this engine can add exactly")
            made = self._layer(node, source, values.astype(np.float32), None, f"{name}/{which}")
            parts.append(self._cast(made, 6, f"{name}/{which}/int32"))
        sixteen = self._constant(f"{name}/sixteen", np.array(16, np.int32))
        total = self._made("Mul", [parts[0], sixteen], f"{name}/high/times")
        total = self._made("Add", [total, parts[1]], f"{name}/sum")
        if bias is not None:
            shape = bias if node.operator == "Gemm" else bias.reshape(1, -1, 1, 1)
            total = self._made("Add", [total, self._constant(f"{name}/bias", shape)], f"{name}/biased")
        return self._cast(total, 1, name)

    def _layer(self, node: GraphNode, source: str, weight: np.ndarray, bias: np.ndarray | None, target: str) -> str:
        inputs = [source, self._constant(f"{target}/weight", weight)]
        if bias is not None:
            inputs.append(self._constant(f"{target}/bias", bias))
        self.made.append(GraphNode(node.operator, f"{target}/int", inputs, [target], node.attributes))
        return target

    def _dequantised(self, result: str, scales: np.ndarray, target: str) -> None:
        if self.arithmetic == EXACT:
            self._made("Mul", [result, self._constant(f"{target}/scale", scales)], target)
        elif self.arithmetic == ASCEND_310 and (scales < _SMALLEST_HALF).any():
            roots = self._constant(f"{target}/root", _as_half(np.sqrt(scales)))
            once = self._half(self._made("Mul", [result, roots], f"{target}/times"), f"{target}/once")
            self._finish(self._made("Mul", [once, roots], f"{target}/twice"), target)
        else:
            if self.arithmetic == ASCEND_310:
                scales = _as_half(scales)
            elif self.arithmetic == ASCEND_310B:
                scales = _s19(scales)
            factors = self._constant(f"{target}/scale", scales)
            self._finish(self._made("Mul", [result, factors], f"{target}/times"), target)

    def _rolled_back(
        self,
        node: GraphNode,
        after: GraphNode,
        weight: np.ndarray,
        bias: np.ndarray | None,
        scales: np.ndarray,
        quant: _Quant,
    ) -> None:
        out = (-1, *[1] * (weight.ndim - 1)) if node.operator == "Conv" else (1, -1, *[1] * (weight.ndim - 2))
        plain = _as_half(weight.astype(np.float32) * (scales * quant.scale).reshape(out))
        moved = None if bias is None else _as_half(bias.astype(np.float32) * scales)
        target = after.outputs[0]
        source = self._half(quant.source, f"{target}/source")
        made = self._layer(node, source, plain, moved, f"{target}/float")
        if after.attribute("relu_flag"):
            made = self._made("Relu", [made], f"{target}/positive")
        self._finish(made, target)

    def _finish(self, source: str, target: str) -> None:
        """The last rounding to float16, under the name that the graph has for the result."""
        self._cast(self._cast(source, Tensor.FLOAT16, f"{target}/result/half"), Tensor.FLOAT, target)

    def _half(self, source: str, target: str) -> str:
        return self._cast(
            self._cast(source, Tensor.FLOAT16, f"{target}/{len(self.made)}/half"),
            Tensor.FLOAT,
            f"{target}/{len(self.made)}/wide",
        )

    def _cast(self, source: str, kind: int, target: str) -> str:
        self.made.append(GraphNode("Cast", target, [source], [target], [int_attribute("to", kind)]))
        return target

    def _times(self, source: str, factor: np.float32, target: str) -> str:
        return self._made("Mul", [source, self._number(float(factor))], f"{target}/{len(self.made)}/scaled")

    def _made(self, operator: str, inputs: list[str], target: str) -> str:
        self.made.append(GraphNode(operator, target, inputs, [target]))
        return target

    def _number(self, value: float) -> str:
        bits = struct.pack("<f", value).hex()
        return self._constant(f"number/{bits}", np.array(value, np.float32))

    def _constant(self, name: str, values: np.ndarray) -> str:
        self.added[name] = np.ascontiguousarray(values) if values.ndim else values
        return name


def _summed_axes(operator: str, rank: int) -> tuple[int, ...]:
    """The axes of a weight over which one result sums; generous where the output channels are not the first axis."""
    return tuple(range(1, rank)) if operator == "Conv" else (0, *range(2, rank))


def _as_half(values: np.ndarray | np.float32) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(values, np.float32).astype(np.float16).astype(np.float32)


def _s19(values: np.ndarray | np.float32) -> np.ndarray:
    """float32 without the low 13 bits of its mantissa."""
    return (np.asarray(values, np.float32).view(np.uint32) & _S19).view(np.float32)
