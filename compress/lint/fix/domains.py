"""Keeps one entry of opset_import: ATC takes no more, even where no node uses the others."""

from __future__ import annotations

import onnx

from compress.graph.foreign import STANDARD
from deploy.wording import shortened


def unused_imports(model: onnx.ModelProto) -> list[onnx.OperatorSetIdProto]:
    """The entries that no node needs, and those that name a domain once more at the same version."""
    used = {_plain(domain) for domain in _domains(model.graph)} | {_plain(entry.domain) for entry in model.functions}
    versions: dict[str, int] = {}
    found = []
    for entry in model.opset_import:
        domain = _plain(entry.domain)
        if domain not in used or versions.get(domain) == entry.version:
            found.append(entry)
        versions.setdefault(domain, entry.version)
    return found[: len(model.opset_import) - 1]


def drop_imports(model: onnx.ModelProto) -> list[str]:
    """In place; returns a sentence where that changed something."""
    unused = unused_imports(model)
    if not unused:
        return []
    for entry in unused:
        model.opset_import.remove(entry)
    named = shortened([repr(entry.domain) for entry in unused])
    return [f"opset_import has {len(model.opset_import)} entry now; {named} went, which no node needs"]


def _domains(graph: onnx.GraphProto) -> set[str]:
    found = set()
    for node in graph.node:
        found.add(node.domain)
        for entry in node.attribute:
            for inner in [entry.g, *entry.graphs]:
                found |= _domains(inner)
    return found


def _plain(domain: str) -> str:
    return "" if domain in STANDARD else domain
