"""Focus (YOLOv5 up to 5.0) as one convolution: what it slices apart become taps of a larger kernel.

A k x k convolution of stride s over Focus(x) reads, in row y*s + i - p of the slice with row offset r, row
2 * (y*s + i - p) + r of x: tap 2i + r of a 2k x 2k kernel with stride 2s and padding 2p. Borders agree as well, because
padding comes in pairs of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from compress.graph.graph_facts import GraphFacts, attributes, drop_unused, place

_ROWS, _COLUMNS = 2, 3


@dataclass(frozen=True)
class Focus:
    """`offsets` are the (row, column) offsets of the concatenated slices of `source`; `convolution` reads them."""

    source: str
    concat: onnx.NodeProto
    offsets: list[tuple[int, int]]
    convolution: onnx.NodeProto


def find_focus(facts: GraphFacts) -> list[Focus]:
    """Every Concat of the four interleaved slices of one tensor that only a convolution reads."""
    found = []
    for concat in facts.graph.node:
        if concat.op_type != "Concat" or len(concat.input) != 4 or attributes(concat).get("axis") not in (1, -3):
            continue
        parts = [_walk(facts, name) for name in concat.input]
        takers = facts.takers[concat.output[0]]
        if None in parts or len({part[0] for part in parts if part}) != 1 or len(takers) != 1:
            continue
        offsets = [part[1] for part in parts if part]
        source = parts[0][0] if parts[0] else ""
        if len(set(offsets)) == 4 and _fits(facts, source, takers[0]):
            found.append(Focus(source, concat, offsets, takers[0]))
    return found


def replace_focus(model: onnx.ModelProto) -> list[str]:
    """Make convolutions of all Focus layers in place; returns a sentence for each."""
    done = []
    facts = GraphFacts(model)
    for focus in find_focus(facts):
        node = focus.convolution
        values = attributes(node)
        weight = facts.constants[node.input[1]]
        outputs, inputs, height, width = weight.shape
        each = inputs // 4
        wide = np.zeros((outputs, each, 2 * height, 2 * width), weight.dtype)
        for number, (row, column) in enumerate(focus.offsets):
            wide[:, :, row::2, column::2] = weight[:, number * each : (number + 1) * each]
        name = f"{node.input[1]}/focus"
        model.graph.initializer.append(numpy_helper.from_array(wide, name))
        values.update(
            kernel_shape=[2 * height, 2 * width],
            strides=[2 * stride for stride in values.get("strides", [1, 1])],
            pads=[2 * pad for pad in values.get("pads", [0, 0, 0, 0])],
        )
        fresh = helper.make_node("Conv", [focus.source, name, *node.input[2:]], node.output, node.name, **values)
        node.CopyFrom(fresh)
        done.append(f"{place(focus.concat)} and its slices are part of {place(node)}, {2 * height} x {2 * width} now")
    if done:
        drop_dead(model)
    return done


def drop_dead(model: onnx.ModelProto) -> None:
    """Remove the nodes that no output needs, and their constants."""
    needed = {value.name for value in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        inner = [graph for entry in node.attribute for graph in (entry.g, *entry.graphs)]
        if needed & set(node.output):
            kept.append(node)
            needed |= {name for name in node.input if name}
            needed |= {name for graph in inner for one in graph.node for name in one.input}
    alive = [onnx.NodeProto.FromString(node.SerializeToString()) for node in reversed(kept)]
    del model.graph.node[:]
    model.graph.node.extend(alive)
    drop_unused(model.graph)


def _walk(facts: GraphFacts, name: str) -> tuple[str, tuple[int, int]] | None:
    """Behind a chain of slices: what is sliced, and the row and column offset; None unless both steps are 2."""
    offsets: dict[int, int] = {}
    while len(offsets) < 2:
        node = facts.makers.get(name)
        if node is None or node.op_type != "Slice" or len(node.input) < 5:
            return None
        shape = facts.shapes.get(node.input[0])
        parts = [facts.constant(node, position) for position in range(1, 5)]
        if shape is None or len(shape) != 4 or any(part is None for part in parts):
            return None
        for start, end, axis, step in zip(*(part.tolist() for part in parts if part is not None), strict=True):
            axis %= 4
            side = shape[axis]
            if axis not in (_ROWS, _COLUMNS) or axis in offsets or step != 2 or start not in (0, 1):
                return None
            if side is None or side % 2 or end < side - 1:
                return None
            offsets[axis] = start
        name = node.input[0]
    return name, (offsets[_ROWS], offsets[_COLUMNS])


def _fits(facts: GraphFacts, source: str, node: onnx.NodeProto) -> bool:
    values = attributes(node)
    weight = facts.constant(node, 1) if node.op_type == "Conv" else None
    plain = values.get("group", 1) == 1 and set(values.get("dilations", [1])) == {1}
    shape = facts.shapes.get(source)
    same = shape is not None and weight is not None and weight.ndim == 4 and weight.shape[1] == 4 * (shape[1] or 0)
    return same and plain and values.get("auto_pad", "NOTSET") == "NOTSET"
