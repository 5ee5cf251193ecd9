"""Rules for operators that lay tensors over each other element by element: Add, Mul and their like."""

from __future__ import annotations

import numpy as np
import onnx

from compress.graph.graph_facts import GraphFacts, place
from compress.pad.channels import Channels, Opaque, spread
from compress.pad.rule import Padding, Rule


class Elementwise(Rule):
    """All tensors must have their channels, and so their zeros, at the same places.

    A constant with a value for each channel gets `filling` for the new ones. `divides` says that the second input must
    be a constant, because a padded channel may hold 0.
    """

    def __init__(self, filling: float = 0.0, divides: bool = False) -> None:
        self._filling = filling
        self._divides = divides

    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        variables = [name for name in node.input if name and name not in facts.constants]
        if not all(name in channels.ids for name in variables) or not variables:
            raise Opaque("reads something whose channels are not known")
        ranks = {facts.rank(name) for name in variables}
        if len(ranks) > 1 or None in ranks:
            raise Opaque("lays tensors with unlike axes over each other")
        if self._divides and node.input[1] in variables:
            raise Opaque("divides by something that is no constant")
        count = max(len(channels.ids[name]) for name in variables)
        rank = facts.rank(variables[0]) or 0
        for name in node.input:
            value = facts.constants.get(name)
            if value is not None and (value.ndim > rank or _side(value, rank) not in (1, count)):
                raise Opaque("has a constant with more axes or channels than what it meets")
        wide = [channels.ids[name] for name in variables if len(channels.ids[name]) == count]
        for name in variables:
            ids = channels.ids[name]
            if len(ids) == count:
                channels.unite(wide[0], ids)
            elif len(ids) == 1:
                channels.pin(ids, f"is one channel that {place(node)} lays over many")
            else:
                raise Opaque("lays unlike numbers of channels over each other")
        channels.ids[node.output[0]] = wide[0]

    def rewrite(self, node: onnx.NodeProto, padding: Padding) -> None:
        if not padding.changes(node.output[0]):
            return
        layout = padding.layouts[node.output[0]]
        rank = padding.facts.rank(node.output[0]) or next(
            padding.facts.rank(name) for name in node.input if name in padding.layouts
        )
        assert rank is not None
        for position, name in enumerate(node.input):
            value = padding.facts.constants.get(name)
            if value is not None and _side(value, rank) == int((layout >= 0).sum()) != 1:
                padding.replace(node, position, spread(value, value.ndim - rank + 1, layout, self._filling))


def _side(value: np.ndarray, rank: int) -> int:
    """How long a constant is along the channel axis of a tensor of `rank` axes; shorter shapes align at their end."""
    axis = value.ndim - rank + 1
    return value.shape[axis] if axis >= 0 else 1
