"""What the padding must know of an operator: how channels pass it, and what zeros among them change in the node."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import numpy_helper

from compress.graph.graph_facts import GraphFacts
from compress.pad.channels import Channels, Opaque


@dataclass
class Padding:
    """What a rewriting needs: the layouts of channels by tensor, and a place for changed constants."""

    facts: GraphFacts
    layouts: dict[str, np.ndarray]
    added: list[onnx.TensorProto] = field(default_factory=list)

    def changes(self, tensor: str) -> bool:
        return bool((self.layouts[tensor] < 0).any())

    def replace(self, node: onnx.NodeProto, position: int, value: np.ndarray) -> None:
        """Give the node a new constant as an input; the old one stays for others that read it."""
        while len(node.input) <= position:
            node.input.append("")
        name = f"{node.input[position] or node.output[0]}/padded{len(self.added)}"
        self.added.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        node.input[position] = name


class Rule(ABC):
    @abstractmethod
    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        """Give the node's outputs their ids. Raises Opaque where zeros cannot pass."""

    def rewrite(self, node: onnx.NodeProto, padding: Padding) -> None:  # noqa: B027 - most operators need nothing
        """Change the node's constants and attributes to the padded layouts."""


class Keep(Rule):
    """An operator that treats every channel alike and by itself, in and out: activations, pooling over pixels.

    It must stay finite on what padded channels hold, which is 0 and what activations make of it.
    """

    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        ids = tracked(channels, node, 0)
        for name in filter(None, node.output):
            if channel_count(facts, name) not in (None, len(ids)):
                raise Opaque("changes the number of channels")
            channels.ids[name] = ids


def tracked(channels: Channels, node: onnx.NodeProto, position: int) -> np.ndarray:
    """The ids of an input; raises Opaque where its channels are not followed."""
    if position >= len(node.input) or node.input[position] not in channels.ids:
        raise Opaque("reads something whose channels are not known")
    return channels.ids[node.input[position]]


def channel_count(facts: GraphFacts, name: str) -> int | None:
    """The side of axis 1 of a tensor with three axes or more."""
    shape = facts.shapes.get(name)
    return shape[1] if shape is not None and len(shape) >= 3 else None


def needed(facts: GraphFacts, node: onnx.NodeProto, position: int, what: str) -> np.ndarray:
    """A constant input; raises Opaque where it is none."""
    value = facts.constant(node, position)
    if value is None:
        raise Opaque(f"has {what} that are computed, not constant")
    return value
