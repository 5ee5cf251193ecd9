"""Takes out Identity nodes: who reads what one makes reads what it reads."""

from __future__ import annotations

import onnx

from compress.graph.graph_facts import captured
from compress.lint.fix.focus import drop_dead


def remove_identities(model: onnx.ModelProto) -> list[str]:
    """In place; returns a sentence where that changed something.

    One stays that joins an input or a constant to an output, or where a branch's inner graph reads its name.
    """
    graph = model.graph
    outputs = {value.name for value in graph.output}
    inner = captured(graph)
    made = {name for node in graph.node for name in node.output}
    gone = 0
    for node in [node for node in graph.node if node.op_type == "Identity" and not node.domain]:
        source, target = node.input[0], node.output[0]
        if {source, target} & inner or (target in outputs and (source not in made or source in outputs)):
            continue
        graph.node.remove(node)
        made.discard(target)
        old, new = (source, target) if target in outputs else (target, source)
        if target in outputs:
            made.add(target)
        for other in graph.node:
            for names in (other.input, other.output):
                for index, name in enumerate(names):
                    if name == old:
                        names[index] = new
        gone += 1
    if gone:
        drop_dead(model)
    return [f"{gone} Identity nodes are gone"] if gone else []
