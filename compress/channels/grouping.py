"""From a trace to groups: parts of a split are paired (docs/adr/0018), and classes of the same layers are collected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compress.channels.layers import Group, Places
from compress.channels.trace import Trace
from deploy.errors import ModelError


def pair_parts(trace: Trace, given: Sequence[Places]) -> None:
    """Unite each channel of a part with one of every other part that has to stay as wide: as `given` says, the places
    of each group of an older flow, or else by rank of |gamma|.

    Raises ModelError for places that do not fit the model.
    """
    for places in given:
        _unite_as_given(trace, places)
    for parts in trace.equal_parts:
        if _are_paired(trace, parts):
            continue
        whole = np.concatenate(parts)
        for name, layer in trace.convolutions.items():
            if np.array_equal(layer.outputs, whole) and any(name in places for places in given):
                raise _unfit(name, len(parts), len(parts[0]))
        orders = _by_rank(trace, parts)
        for part, order in zip(parts[1:], orders[1:], strict=True):
            trace.channels.unite(parts[0][orders[0]], part[order])


def _are_paired(trace: Trace, parts: list[np.ndarray]) -> bool:
    """Whether every class has as many channels in each part."""
    first, *others = (np.sort(trace.channels.roots(part)) for part in parts)
    return all(np.array_equal(first, other) for other in others)


def _by_rank(trace: Trace, parts: list[np.ndarray]) -> list[np.ndarray]:
    """Each part's channels from the weakest to the strongest; as they come where parts share some channels already."""
    roots = trace.channels.roots(np.arange(len(trace.channels)))
    strength = np.zeros(len(roots))
    for norm in trace.norms.values():
        gamma = trace.model.get_parameter(f"{norm.name}.weight").detach().abs().double().cpu().numpy()
        np.maximum.at(strength, roots[norm.outputs], gamma)
    strength[list(trace.channels.pinned())] = np.inf
    kinds = {tuple(sorted(roots[part].tolist())) for part in parts}
    together = [root for kind in kinds for root in kind]
    if len(set(together)) != len(together):
        return [np.arange(len(part)) for part in parts]
    # parts of the same channels come in the same order, whatever their places
    ties = {kind: {root: i for i, root in enumerate(kind)} for kind in kinds}
    orders = []
    for part in parts:
        own = roots[part]
        rank = ties[tuple(sorted(own.tolist()))]
        orders.append(np.lexsort(([rank[root] for root in own.tolist()], strength[own])))
    return orders


def _unite_as_given(trace: Trace, places: Places) -> None:
    """Unite the channels that the rows of a group have at the same index."""
    first: np.ndarray | None = None
    for name, rows in places.items():
        layer = trace.convolutions.get(name)
        for row in rows:
            known = layer is not None and all(0 <= place < len(layer.outputs) for place in row)
            if layer is None or not known or len(row) != len(rows[0]) or len({*row}) != len(row):
                width = len(layer.outputs) if layer else 0
                raise _unfit(name, len(rows), width // max(1, len(rows)))
            ids = layer.outputs[np.array(row, np.int64)]
            if first is not None and len(first) != len(ids):
                raise _unfit(name, len(rows), len(first))
            first = ids if first is None else first
            trace.channels.unite(first, ids)


def _unfit(name: str, parts: int, width: int) -> ModelError:
    return ModelError(f"the plan does not pair the {parts} x {width} channels of {name}, each once")


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
        norms = (*trace.norms.values(), *trace.layer_norms.values())
        scaled = {norm.name: set(norm.outputs.tolist()) for norm in norms}
        # where a layer has none of its own, one behind a concatenation scores it
        own = [name for name, channels in scaled.items() if channels in makers]
        group.norms = own or [name for name, channels in scaled.items() if any(maker <= channels for maker in makers)]
        if not (group.pinned or group.norms or trace.bare.intersection(group.convolutions)):
            group.pinned = "no norm of its own scores it"
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
        chosen = not trace.linked.isdisjoint(several)
        repeated = [n for n in several if chosen or key.count(n) > 1]
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
