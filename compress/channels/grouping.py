"""From a trace to groups: parts of a split are paired (docs/adr/0018), and classes of the same layers are collected."""

from __future__ import annotations

import numpy as np

from compress.channels.layers import Group, Places
from compress.channels.trace import Trace
from deploy.errors import ModelError


def pair_parts(trace: Trace, given: Places) -> None:
    """Unite each channel of a split's first part with one of every other part: by rank of |gamma|, or as `given` says.

    Raises ModelError for places that do not fit the model.
    """
    for parts in trace.parts.values():
        whole = np.concatenate(parts)
        names = [n for n, layer in trace.convolutions.items() if np.array_equal(layer.outputs, whole)]
        rows = next((given[n] for n in names if n in given), None)
        orders = _by_rank(trace, parts) if rows is None else _as_given(rows, parts, names[0])
        for part, order in zip(parts[1:], orders[1:], strict=True):
            trace.channels.unite(parts[0][orders[0]], part[order])


def _by_rank(trace: Trace, parts: list[np.ndarray]) -> list[np.ndarray]:
    """Each part's channels from the weakest to the strongest; as they come where parts share channels already."""
    roots = trace.channels.roots(np.arange(len(trace.channels)))
    strength = np.zeros(len(roots))
    for norm in trace.norms.values():
        gamma = trace.model.get_parameter(f"{norm.name}.weight").detach().abs().double().cpu().numpy()
        np.maximum.at(strength, roots[norm.outputs], gamma)
    strength[list(trace.channels.pinned())] = np.inf
    whole = roots[np.concatenate(parts)]
    if len(set(whole.tolist())) != len(whole):
        return [np.arange(len(part)) for part in parts]
    return [np.argsort(strength[roots[part]], kind="stable") for part in parts]


def _as_given(rows: list[list[int]], parts: list[np.ndarray], name: str) -> list[np.ndarray]:
    width = len(parts[0])
    orders = [np.array(row, np.int64) - i * width for i, row in enumerate(rows)]
    if len(orders) != len(parts) or any(sorted(order.tolist()) != list(range(width)) for order in orders):
        raise ModelError(f"the plan does not pair the {len(parts)} x {width} channels of {name}, each once")
    return orders


def groups_of(trace: Trace) -> list[Group]:
    """The groups of a trace whose layers name channels by their classes' roots."""
    pinned = trace.channels.pinned()
    added = set(trace.channels.roots(np.array(sorted(trace.added), np.int64)).tolist())
    groups = _collected(trace)
    for group in groups:
        classes = group.classes.tolist()
        group.pinned = min((pinned[c] for c in classes if c in pinned), default="")
        group.shortcut = not added.isdisjoint(classes)
        makers = [set(trace.convolutions[name].outputs.tolist()) for name in group.convolutions]
        group.norms = [norm.name for norm in trace.norms.values() if set(norm.outputs.tolist()) in makers]
        if not group.pinned and (not group.norms or trace.bare.intersection(group.convolutions)):
            group.pinned = "no batch norm of its own scores it"
    return groups


def _collected(trace: Trace) -> list[Group]:
    """Classes that the same convolutions put out, each as often, make a group."""
    makers: dict[int, list[str]] = {}
    for layer in trace.convolutions.values():
        for c in layer.outputs.tolist():
            makers.setdefault(c, []).append(layer.name)
    members: dict[tuple[str, ...], list[int]] = {}
    for c, names in makers.items():
        members.setdefault(tuple(names), []).append(c)
    groups: dict[str, Group] = {}
    for key, classes in members.items():
        several = list(dict.fromkeys(key))
        name = next((n for n in several if n not in groups), f"{several[0]}#{len(groups)}")
        repeated = [n for n in several if key.count(n) > 1]
        places = {n: _positions(trace.convolutions[n].outputs, classes) for n in repeated}
        groups[name] = Group(name, np.array(classes, np.int64), several, places=places)
    return list(groups.values())


def _positions(outputs: np.ndarray, classes: list[int]) -> list[list[int]]:
    """Where each class is among a layer's outputs: [copies][width]."""
    found: dict[int, list[int]] = {c: [] for c in classes}
    for place, c in enumerate(outputs.tolist()):
        if c in found:
            found[c].append(place)
    return [list(row) for row in zip(*(found[c] for c in classes), strict=True)]
