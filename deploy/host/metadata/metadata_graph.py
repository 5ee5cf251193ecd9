"""Metadata as one nested JSON text, as the SDK's MxpiMetadataGraph writes it.

Every entry of every list is a node. Its headers name its parents; what has no parent, or one that is not there, hangs
under the root. Children appear in their parent's object under the name of their type. Where only some keys are wanted,
the levels between are squeezed out. Children are sorted by type with std::sort, which shuffles more than 16 of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deploy.host.metadata.message_json import dump, tree
from deploy.host.metadata.messages import to_message
from deploy.postprocess.tie_order import falling

HEADERS = "headerVec"


@dataclass(eq=False)
class _Node:
    kind: str = ""
    message: Any = None
    wanted: bool = True
    read: bool = False
    children: list[_Node] = field(default_factory=list)


def graph_json(metadata: Mapping[str, Any], keys: Sequence[str], erase_headers: bool) -> str:
    """The text for the listed keys: "" for one unknown key, "{}" for nothing; no keys: everything.

    `metadata` is in the order in which it was added. `erase_headers` leaves out each entry's own headerVec.
    """
    root, lists = _build(metadata)
    if len(keys) == 1:
        if keys[0] not in lists:
            return ""
        found: dict[str, list[Any]] = {}
        for node in lists[keys[0]]:
            found.setdefault(node.kind, []).append(_own(node, erase_headers))
        return dump(found)
    if keys:
        for name, nodes in lists.items():
            for node in nodes:
                node.wanted = name in keys
    children, root.children = _sorted(root.children), []
    _squeeze(root, children)
    return dump(_children(root, erase_headers))


def _build(metadata: Mapping[str, Any]) -> tuple[_Node, dict[str, list[_Node]]]:
    """The root, and the nodes of each key."""
    root = _Node()
    nodes: dict[str, _Node] = {}
    lists: dict[str, list[_Node]] = {}
    for key, value in metadata.items():
        message = to_message(value)
        if not hasattr(message, "DESCRIPTOR"):
            continue
        kind = message.DESCRIPTOR.name
        if kind == "MxpiFrameInfo":
            nodes[key] = _Node(kind, message)
            lists[key] = [nodes[key]]
            root.children.append(nodes[key])
            continue
        entries = _entries(message)
        if entries is None:
            continue
        own = []
        for index, entry in enumerate(entries):
            node = _Node(entry.DESCRIPTOR.name, entry)
            nodes[f"{key}_{index}"] = node
            _link(root, nodes, lists, node)
            own.append(node)
        lists[key] = own
    return root, lists


def _entries(message: Any) -> Iterable[Any] | None:
    """The messages of a list, if it is one whose entries have headers."""
    first = message.DESCRIPTOR.fields[0] if message.DESCRIPTOR.fields else None
    if first is None or first.message_type is None or not first.message_type.fields:
        return None
    if first.message_type.fields[0].name != HEADERS or message.DESCRIPTOR.fields[0].name == HEADERS:
        return None
    entries: Iterable[Any] = getattr(message, first.name)
    return entries


def _link(root: _Node, nodes: Mapping[str, _Node], lists: Mapping[str, Any], node: _Node) -> None:
    if not node.message.headerVec:
        root.children.append(node)
    for header in node.message.headerVec:
        source = header.dataSource or header.parentName
        parent = nodes.get(f"{source}_{header.memberId}")
        if parent is node:
            continue  # its own parent: the SDK would never come back
        if parent is not None:
            parent.children.append(node)
        elif source not in lists:  # a list without that member has no place for it
            root.children.append(node)


def _squeeze(node: _Node, children: list[_Node]) -> None:
    """Hang the wanted ones of `children`, or their own children, under `node`."""
    if not children or children[0].read:
        return
    for child in children:
        child.read = True
        grandchildren, child.children = _sorted(child.children), []
        if child.wanted:
            node.children.append(child)
        _squeeze(child if child.wanted else node, grandchildren)


def _children(node: _Node, erase_headers: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in _sorted(node.children):
        found.setdefault(child.kind, []).append({**_own(child, erase_headers), **_children(child, erase_headers)})
    return found


def _own(node: _Node, erase_headers: bool) -> dict[str, Any]:
    fields = tree(node.message)
    if erase_headers:
        fields.pop(HEADERS, None)
    return fields


def _sorted(nodes: list[_Node]) -> list[_Node]:
    kinds = sorted({node.kind.encode() for node in nodes})
    ranks = np.array([-kinds.index(node.kind.encode()) for node in nodes], np.float32)
    return [nodes[index] for index in falling(ranks).tolist()] if len(nodes) > 1 else list(nodes)
