"""Finds a YOLO graph's raw heads by their shape in the graph, whatever their names, and cuts off what follows."""

from __future__ import annotations

import onnx
from onnx import helper

from compress.graph.graph_facts import GraphFacts, attributes
from compress.lint.fix.focus import drop_dead
from deploy.wording import shortened

_YOLOV5_PERM = [0, 1, 3, 4, 2]
_MOST = 8


def find_heads(facts: GraphFacts) -> list[str]:
    """The tensors of the raw heads, fine to coarse; empty where there are none that are known.

    YOLOv5: convolution, reshape to [1, anchors, 5 + classes, h, w], transpose to [1, anchors, h, w, 5 + classes].
    YOLOv8: the last convolutions of the box and class branches, whose pixels a reshape then puts in one row.
    """
    return _anchor_heads(facts) or _branch_heads(facts)


def leading_to(facts: GraphFacts, names: list[str]) -> set[int]:
    """The ids of the nodes from which these tensors are computed."""
    waiting, found = list(names), set()
    while waiting:
        node = facts.makers.get(waiting.pop())
        if node is not None and id(node) not in found:
            found.add(id(node))
            waiting += [name for name in node.input if name]
    return found


def cut(model: onnx.ModelProto, gone: int = 0) -> list[str]:
    """Make the raw heads the outputs, in place; returns a sentence where that changed something.

    `gone` nodes behind them were left out before.
    """
    facts = GraphFacts(model)
    heads = find_heads(facts)
    if not heads or (set(heads) == set(facts.outputs) and not gone):
        return []
    before = len(model.graph.node) + gone
    del model.graph.output[:]
    for name in heads:
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, facts.shapes[name]))
    drop_dead(model)
    behind = before - len(model.graph.node)
    return [f"the graph ends in its raw heads {shortened(heads)}; {behind} nodes behind them are gone"]


def _anchor_heads(facts: GraphFacts) -> list[str]:
    heads = []
    for node in facts.graph.node:
        if node.op_type == "Transpose" and attributes(node).get("perm") == _YOLOV5_PERM:
            reshape = facts.makers.get(node.input[0])
            conv = facts.makers.get(reshape.input[0]) if reshape is not None and reshape.op_type == "Reshape" else None
            if conv is not None and conv.op_type == "Conv" and _known(facts, node.output[0], 5):
                heads.append(node.output[0])
    sizes = {facts.shapes[name][2] for name in heads}
    return _fine_to_coarse(facts, heads) if 2 <= len(heads) == len(sizes) <= _MOST else []


def _branch_heads(facts: GraphFacts) -> list[str]:
    found: set[str] = set()
    for node in facts.graph.node:
        if node.op_type == "Reshape" and facts.rank(node.output[0]) == 3:
            maker = facts.makers.get(node.input[0])
            if maker is not None and maker.op_type == "Concat" and attributes(maker).get("axis") == 1:
                found |= set(maker.input)
            else:
                found.add(node.input[0])
    heads = {name for name in found if _is_convolved(facts, name) and _known(facts, name, 4)}
    first = heads - _behind(facts, heads)
    ordered = [name for node in facts.graph.node for name in node.output if name in first]
    counts = [(facts.shapes[name][2], facts.shapes[name][3]) for name in ordered]
    pairs = all(counts.count(size) == 2 for size in counts)
    return _fine_to_coarse(facts, ordered) if 4 <= len(ordered) <= _MOST and pairs else []


def _is_convolved(facts: GraphFacts, name: str) -> bool:
    return name in facts.makers and facts.makers[name].op_type == "Conv"


def _known(facts: GraphFacts, name: str, rank: int) -> bool:
    shape = facts.shapes.get(name)
    return shape is not None and len(shape) == rank and None not in shape


def _behind(facts: GraphFacts, names: set[str]) -> set[str]:
    """The tensors that are computed from any of these, without these themselves where nothing leads to them."""
    reached: set[str] = set()
    for node in facts.graph.node:
        if any(name in names or name in reached for name in node.input):
            reached |= set(node.output)
    return reached


def _fine_to_coarse(facts: GraphFacts, names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: -(facts.shapes[name][2] or 0))
