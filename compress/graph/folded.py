"""Computes what does not depend on the image: exporters leave whole chains that only measure shapes."""

from __future__ import annotations

import onnx
import onnxsim

from compress.graph.graph_facts import GraphFacts

_MEASURE = ("Shape", "Size")


def folded(model: onnx.ModelProto) -> tuple[onnx.ModelProto, str]:
    """A copy without chains that measure shapes, and a sentence; the model itself and "" where there are none.

    The inputs' shapes must be fixed. onnxsim does the work, and may merge batch norms into convolutions on the way.
    """
    facts = GraphFacts(model)
    fixed = all(None not in facts.shapes.get(name, [None]) for name in facts.inputs)
    if not fixed or not any(node.op_type in _MEASURE for node in model.graph.node):
        return model, ""
    try:
        simple, _ = onnxsim.simplify(model)
    except Exception:  # what onnxsim cannot do stays as it is; its errors have no common base
        return model, ""
    before, after = len(model.graph.node), len(simple.graph.node)
    return simple, f"what does not depend on the image is constant now: {after} nodes in place of {before}"
