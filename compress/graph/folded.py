"""Computes what does not depend on the image: exporters leave whole chains that only measure shapes."""

from __future__ import annotations

import onnx
import onnxsim

from compress.graph.bounded import bounded_memory, silence
from compress.graph.graph_facts import GraphFacts
from compress.graph.shapes import inferred_shapes

_MEASURE = ("Shape", "Size")
_KEPT = ("Constant", "DequantizeLinear", "Identity")
"""Their constants are no chains: weights as they are to be stored."""


def folded(model: onnx.ModelProto) -> tuple[onnx.ModelProto, str]:
    """A copy without chains of constants or of measured shapes, and a sentence; the model and "" where there are none.

    The inputs' shapes must be fixed. onnxsim does the work, and may merge batch norms into convolutions on the way.
    Raises ModelError where a tensor turns out to be too large (shapes.py).
    """
    facts = GraphFacts(model)
    fixed = all(None not in facts.shapes.get(name, [None]) for name in facts.inputs)
    if not fixed or not any(_is_computed(node, facts) for node in model.graph.node):
        return model, ""
    try:
        with bounded_memory(), silence():
            simple, _ = onnxsim.simplify(model)
    except Exception:  # what onnxsim cannot do stays as it is; its errors have no common base
        return model, ""
    inferred_shapes(simple)
    before, after = len(model.graph.node), len(simple.graph.node)
    return simple, f"what does not depend on the image is constant now: {after} nodes in place of {before}"


def _is_computed(node: onnx.NodeProto, facts: GraphFacts) -> bool:
    """Whether a node measures a shape or computes with whole constants alone, as shapes and places are."""
    values = [facts.constants.get(name) for name in node.input if name]
    whole = bool(values) and all(value is not None and value.dtype.kind in "iu" for value in values)
    return node.op_type in _MEASURE or (whole and node.op_type not in _KEPT)
