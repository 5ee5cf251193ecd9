"""Operators that ONNX does not know: plugins of other runtimes, in a domain of their own or in the standard one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import onnx

from compress.graph.ascend_operators import ASCEND

STANDARD = ("", "ai.onnx")
_RUN_HERE = ("com.microsoft", "ai.onnx.ml", "ai.onnx.preview.training")
"""Domains beside the standard one whose operators onnxruntime has; ATC has none of them."""
_FOREIGN = "foreign"


def standard_opset(model: onnx.ModelProto) -> int:
    """The version of the standard operators, 0 where the model names none."""
    return next((entry.version for entry in model.opset_import if entry.domain in STANDARD), 0)


def is_foreign(node: onnx.NodeProto, model: onnx.ModelProto) -> bool:
    """Whether nothing here can run the node: it is no operator of ONNX at this opset and no function of the model."""
    if node.domain in STANDARD:
        return node.op_type not in ASCEND and not onnx.defs.has(
            node.op_type, max_inclusive_version=standard_opset(model) or onnx.defs.onnx_opset_version()
        )
    own = any((node.domain, node.op_type) == (entry.domain, entry.name) for entry in model.functions)
    return not own and node.domain not in _RUN_HERE


def without_foreign(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[onnx.NodeProto]]:
    """A copy without foreign nodes and all that is computed from them, and these foreign nodes.

    What the rest hands to them become its outputs, beside the outputs that it makes itself. The model itself where it
    has none.
    """
    foreign = [node for node in model.graph.node if is_foreign(node, model)]
    if not foreign:
        return model, []
    lost = {name for node in foreign for name in node.output if name}
    gone = {id(node) for node in foreign}
    for node in model.graph.node:
        if id(node) not in gone and lost & set(node.input):
            gone.add(id(node))
            lost.update(name for name in node.output if name)
    kept = [node for node in model.graph.node if id(node) not in gone]
    made = {name for node in kept for name in node.output if name}
    asked = [name for node in model.graph.node if id(node) in gone for name in node.input if name in made]
    outputs = {value.name: value for value in model.graph.output}
    names = dict.fromkeys([*(name for name in outputs if name not in lost), *asked])
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    del rest.graph.node[:]
    rest.graph.node.extend(kept)
    known = {value.name: value for value in _inferred(rest).graph.value_info}
    del rest.graph.output[:]
    rest.graph.output.extend(outputs.get(name) or known.get(name) or onnx.ValueInfoProto(name=name) for name in names)
    return rest, foreign


@contextmanager
def foreign_set_apart(model: onnx.ModelProto) -> Iterator[None]:
    """Inside, foreign nodes of the standard domain lie in another one, where the checker leaves them be.

    Domains that nodes name and the model does not import are imported meanwhile.
    """
    declared = {entry.domain for entry in model.opset_import}
    moved = [
        (node, node.domain) for node in _all_nodes(model.graph) if node.domain in STANDARD and is_foreign(node, model)
    ]
    for node, _ in moved:
        node.domain = _FOREIGN
    count = len(model.opset_import)
    absent = {node.domain for node in _all_nodes(model.graph) if node.domain not in STANDARD} - declared
    if declared:
        model.opset_import.extend(onnx.helper.make_opsetid(domain, 1) for domain in sorted(absent))
    try:
        yield
    finally:
        for node, domain in moved:
            node.domain = domain
        del model.opset_import[count:]


def _all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """With those of inner graphs."""
    for node in graph.node:
        yield node
        for entry in node.attribute:
            for inner in [entry.g, *entry.graphs]:
                yield from _all_nodes(inner)


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return onnx.shape_inference.infer_shapes(model)
    except Exception:  # outputs without a type serve as well; the errors have no common base
        return model
