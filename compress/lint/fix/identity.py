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
    renamed: dict[str, str] = {}

    def now(name: str) -> str:
        while name in renamed:
            name = renamed[name]
        return name

    kept, gone = [], 0
    for node in graph.node:
        if node.op_type != "Identity" or node.domain:
            kept.append(node)
            continue
        source, target = now(node.input[0]), node.output[0]
        if {source, target, node.input[0]} & inner or (target in outputs and (source not in made or source in outputs)):
            kept.append(node)
            continue
        made.discard(target)
        old, new = (source, target) if target in outputs else (target, source)
        if target in outputs:
            made.discard(source)
            made.add(target)
        renamed[old] = new
        gone += 1
    if not gone:
        return []
    for node in kept:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name in renamed:
                    names[index] = now(name)
    alive = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(alive)
    drop_dead(model)
    return [f"{gone} Identity nodes are gone"]
