"""What ATC makes one operator of many: layer norms and GELUs, which opset 11 has no operators for.

Source: CANN's fusion rules LayerNormONNXFusionPass (ReduceMean, Sub, Pow, ReduceMean, Add, Sqrt, Div, and then Mul and
Add, over the last axis) and GeluONNXFusionPass (Div, Erf, Add, Mul, Mul).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from onnx import NodeProto

from compress.graph.graph_facts import GraphFacts


@dataclass
class Fused:
    """`layer_norms` maps the last result of each layer norm to what it takes; `inside` are the results on the way to
    one, and all of a GELU, which counts as part of what it follows."""

    layer_norms: dict[str, str] = field(default_factory=dict)
    inside: set[str] = field(default_factory=set)


def fused(facts: GraphFacts) -> Fused:
    """The layer norms and GELUs of a graph."""
    found = Fused()
    for node in facts.graph.node:
        if node.op_type == "Sqrt":
            _layer_norm(facts, node, found)
        elif node.op_type == "Erf":
            _gelu(facts, node, found)
    return found


def _layer_norm(facts: GraphFacts, root: NodeProto, found: Fused) -> None:
    inside = [root]
    for kind in ("Add", "ReduceMean", "Pow", "Sub"):  # backwards from the root of the variance
        before = _maker(facts, inside[-1], kind)
        if before is None:
            return
        inside.append(before)
    centred = inside[-1]
    mean = facts.makers.get(centred.input[1])
    after = _only_taker(facts, root.output[0], "Div")
    if mean is None or mean.op_type != "ReduceMean" or mean.input[0] != centred.input[0]:
        return
    if after is None or after.input[0] != centred.output[0]:
        return
    inside += [mean, after]
    for kind in ("Mul", "Add"):
        behind = _only_taker(facts, after.output[0], kind)
        if behind is None or not any(name in facts.constants for name in behind.input):
            break
        after = behind
        inside.append(after)
    found.inside.update(node.output[0] for node in inside)
    found.inside.discard(after.output[0])
    found.layer_norms[after.output[0]] = centred.input[0]


def _gelu(facts: GraphFacts, node: NodeProto, found: Fused) -> None:
    """The half may be taken of the input or of the product."""
    before, added = _maker(facts, node, "Div"), _only_taker(facts, node.output[0], "Add")
    product = _only_taker(facts, added.output[0], "Mul") if added is not None else None
    if before is None or added is None or product is None:
        return
    other = next((name for name in product.input if name != added.output[0]), "")
    source = next(name for name in before.input if name not in facts.constants)
    if other == source:
        half = _only_taker(facts, product.output[0], "Mul")
    else:
        half = facts.makers.get(other)
        half = half if half is not None and half.op_type == "Mul" and source in half.input else None
    if half is not None and any(name in facts.constants for name in half.input):
        found.inside.update(entry.output[0] for entry in (before, node, added, product, half))


def _maker(facts: GraphFacts, node: NodeProto, kind: str) -> NodeProto | None:
    """Who makes the first input that is no constant, where it is of that kind."""
    name = next((name for name in node.input if name not in facts.constants), "")
    maker = facts.makers.get(name)
    return maker if maker is not None and maker.op_type == kind else None


def _only_taker(facts: GraphFacts, name: str, kind: str) -> NodeProto | None:
    takers = facts.takers.get(name, [])
    return takers[0] if len(takers) == 1 and takers[0].op_type == kind else None
