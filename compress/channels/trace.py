"""The state of following channels through an exported graph: the ids of every node, and the layers met so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx import Node

from compress.channels.layers import Layer
from compress.channels.union_find import UnionFind

_SHAPED = {"view", "reshape", "_unsafe_view", "unflatten", "expand"}  # what they make has the shape that they are told


def operator(node: Node) -> str:
    """The operator's plain name: "conv2d" for torch.ops.aten.conv2d.default."""
    return getattr(node.target, "__name__", str(node.target)).split(".")[0]


def shape_of(node: Node) -> tuple[int, ...]:
    """The shape of a node's tensor; () where it has none, as a node of several tensors."""
    return tuple(getattr(node.meta.get("val"), "shape", ()))


class Trace:
    """What is known of a graph whose nodes are visited in their order.

    Attributes:
        channels: the classes of channel ids, and why some are pinned.
        ids: for each node that is followed the ids of its channels (axis 1), int64 [C].
        parts: for each node that splits channels the ids of each part.
        equal_parts: lists of parts, int64 [width] each, that have to stay equally wide.
        heads: the channels of the attentions met, by their modules' paths.
        vectors: parameters with a value a channel outside of layers, by name, and the ids of their values.
        loud: nodes whose channels say something though what makes them is silent.
        linked: layers of which a plan has to say which channel is in which class.
        convolutions, norms, layer_norms: the layers met, by name.
        norm_behind: the batch norm that takes a convolution's output, "" where there are several.
        scale_behind: the parameter that alone takes a convolution's output, times a value a channel.
        added: ids that an addition unites.
        bare: convolutions whose output is also used without a batch norm.
        normalised: those among them that layer norms alone take.
    """

    def __init__(self, exported: torch.export.ExportedProgram, model: nn.Module) -> None:
        self.model = model
        self.nodes = list(exported.graph.nodes)
        signature = exported.graph_signature
        self._tensor_of = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        self.channels = UnionFind()
        self.ids: dict[Node, np.ndarray] = {}
        self.parts: dict[Node, list[np.ndarray]] = {}
        self.equal_parts: list[list[np.ndarray]] = []
        self.heads: dict[str, Any] = {}
        self.vectors: dict[str, np.ndarray] = {}
        self.loud: set[Node] = set()
        self.linked: set[str] = set()
        self.convolutions: dict[str, Layer] = {}
        self.norms: dict[str, Layer] = {}
        self.layer_norms: dict[str, Layer] = {}
        self.norm_behind: dict[str, str] = {}
        self.scale_behind: dict[str, str] = {}
        self.added: set[int] = set()
        self.bare: set[str] = set()
        self.normalised: set[str] = set()

    def is_image(self, node: Node) -> bool:
        return node.op == "placeholder" and node.name not in self._tensor_of

    def source(self, node: Node) -> np.ndarray | None:
        """The ids of the first argument; None where it is not followed."""
        first = node.args[0] if node.args else None
        return self.ids.get(first) if isinstance(first, Node) else None

    def vector(self, node: object) -> str:
        """The name of the parameter [C] that the node stands for; "" for anything else."""
        if not isinstance(node, Node) or len(shape_of(node)) != 1:
            return ""
        return self._tensor_of.get(node.name, "")

    def layer(self, node: Node) -> str:
        """The name of the layer whose `weight` is the second argument; "" where it is none of a layer."""
        weight = node.args[1] if len(node.args) > 1 else None
        path = self._tensor_of.get(weight.name, "") if isinstance(weight, Node) else ""
        return path.removesuffix(".weight") if path.endswith(".weight") else ""

    def module(self, node: Node) -> nn.Module:
        """The innermost module in whose forward the node was made."""
        return self.model.get_submodule(_innermost(node))

    def module_path(self, node: Node) -> str:
        """The path of that module."""
        return _innermost(node)

    def pin(self, nodes: Iterable[Node], reason: str) -> None:
        for node in nodes:
            if node in self.ids:
                self.channels.pin(self.ids[node], reason)

    def give_up(self, node: Node) -> None:
        """Pin what reaches an operator that is not understood, and what comes out of it."""
        name, shape = operator(node), shape_of(node)
        self.pin(node.all_input_nodes, f"reaches the operator {name}")
        if len(shape) > 1:
            if name in _SHAPED:
                self._pin_givers_of_width(node, shape[1])
            self.ids[node] = self.channels.fresh(shape[1], f"comes out of the operator {name}")

    def _pin_givers_of_width(self, node: Node, width: int) -> None:
        """A view to so many channels may have its number from a tensor that the module takes: pin those it can be.

        The graph has the number alone. An attention's `x.view(B, C, H, W)` has C from its input, not from x.
        """
        inside = _innermost(node)
        for user in self.nodes:
            if inside and inside in _modules_of(user):
                entering = [v for v in user.all_input_nodes if inside not in _modules_of(v)]
                wide = [v for v in entering if len(self.ids.get(v, ())) == width]
                self.pin(wide, f"gives the operator {operator(node)} its width")


def _modules_of(node: Node) -> list[str]:
    """Paths of the modules in whose forward the node was made, the outermost first."""
    return [path for path, _ in (node.meta.get("nn_module_stack") or {}).values()]


def _innermost(node: Node) -> str:
    return (_modules_of(node) or [""])[-1]
