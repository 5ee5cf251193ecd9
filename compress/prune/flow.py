"""Which channels can be removed together: every output channel of every convolution gets an id, the ids flow through
the exported graph, and ids that meet in an addition are united (docs/adr/0003).

No layer names and no architecture are known here. An operator that is not understood pins the channels that reach it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

_SAME_CHANNELS = {
    "silu", "silu_", "relu", "relu_", "leaky_relu", "leaky_relu_", "hardswish", "hardswish_", "sigmoid",
    "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d",
    "upsample_nearest2d", "upsample_bilinear2d", "clone", "contiguous", "dropout", "to", "detach", "alias",
}  # fmt: skip


@dataclass
class Layer:
    """A convolution or batch norm and the ids of its channels: `inputs` [in] and `outputs` [out], int64.

    For a batch norm the two are the same.
    """

    name: str
    inputs: np.ndarray
    outputs: np.ndarray


@dataclass
class Group:
    """Channels that can be removed together across all its members.

    Attributes:
        name: the first convolution of the group.
        classes: int64 [width]; class c stands for channel c of every member.
        convolutions: names of the convolutions whose output channels these are.
        norms: names of the batch norms over these channels whose gamma scores them.
        pinned: why none of them may be removed, or "".
    """

    name: str
    classes: np.ndarray
    convolutions: list[str] = field(default_factory=list)
    norms: list[str] = field(default_factory=list)
    pinned: str = ""


@dataclass
class ChannelFlow:
    """The channels of a model.

    `convolutions` and `norms` map a layer's name to its channel classes; `groups` partitions all classes.
    """

    convolutions: dict[str, Layer]
    norms: dict[str, Layer]
    groups: list[Group]

    def gammas(self, model: nn.Module) -> dict[str, nn.Parameter]:
        """The batch-norm weights whose channels can be removed, by layer name."""
        names = [norm for group in self.groups if not group.pinned for norm in group.norms]
        return {name: model.get_submodule(name).weight for name in names}  # type: ignore[misc]


def channel_flow(model: nn.Module, example: torch.Tensor) -> ChannelFlow:
    """Trace `model` on `example` (float32 [1, 3, H, W]) and follow its channels.

    The example's values do not matter, its shape must be one the model accepts; the model is not changed.
    """
    was_training = model.training
    try:
        exported = torch.export.export(model.eval(), (example,))
    finally:
        model.train(was_training)
    tracer = _Tracer(exported)
    tracer.run()
    return tracer.result()


class _Tracer:
    def __init__(self, exported: torch.export.ExportedProgram) -> None:
        self.graph = exported.graph
        signature = exported.graph_signature
        self.tensor_of = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        self.parent: list[int] = []
        self.pins: dict[int, str] = {}
        self.ids: dict[torch.fx.Node, np.ndarray] = {}
        self.convolutions: dict[str, Layer] = {}
        self.norms: dict[str, Layer] = {}

    def run(self) -> None:
        for node in self.graph.nodes:
            if node.op == "placeholder" and node.name not in self.tensor_of:
                self.ids[node] = self._fresh(node.meta["val"].shape[1], "the picture's own channels")
            elif node.op == "call_function":
                self._call(node)
            elif node.op == "output":
                for value in node.all_input_nodes:
                    self._pin(value, "an output of the model")

    def _call(self, node: torch.fx.Node) -> None:
        operator = str(node.target).removeprefix("aten.").split(".")[0]
        first = node.args[0] if node.args else None
        if operator in ("conv2d", "convolution"):
            self._convolution(node)
        elif operator in ("batch_norm", "_native_batch_norm_legit_no_training", "native_batch_norm"):
            assert isinstance(first, torch.fx.Node) and isinstance(node.args[1], torch.fx.Node)
            name = self._layer(node.args[1])
            self._once(self.norms, Layer(name, self.ids[first], self.ids[first]))
            self.ids[node] = self.ids[first]
        elif operator in _SAME_CHANNELS and isinstance(first, torch.fx.Node) and first in self.ids:
            self.ids[node] = self.ids[first]
        elif operator in ("add", "add_") and self._same_width(node):
            left, right = (self.ids[a] for a in node.args)  # type: ignore[index]
            for a, b in zip(left, right, strict=True):
                self._unite(int(a), int(b))
            self.ids[node] = left
        elif operator == "cat" and (len(node.args) > 1 and node.args[1] == 1):
            self.ids[node] = np.concatenate([self.ids[a] for a in first])  # type: ignore[union-attr, index]
        else:
            for value in node.all_input_nodes:
                self._pin(value, f"reaches the operator {operator}")

    def _convolution(self, node: torch.fx.Node) -> None:
        source, weight = node.args[0], node.args[1]
        assert isinstance(source, torch.fx.Node) and isinstance(weight, torch.fx.Node)
        name = self._layer(weight)
        out, per_group = weight.meta["val"].shape[:2]
        if per_group != len(self.ids[source]):
            self._pin(source, f"feeds the grouped convolution {name}")
        if name in self.convolutions:  # one layer used twice: both inputs must lose the same channels
            for a, b in zip(self.convolutions[name].inputs, self.ids[source], strict=True):
                self._unite(int(a), int(b))
            self.ids[node] = self.convolutions[name].outputs
            return
        outputs = self._fresh(out, "leaves a grouped convolution" if per_group != len(self.ids[source]) else "")
        self.convolutions[name] = Layer(name, self.ids[source], outputs)
        self.ids[node] = outputs

    def _once(self, table: dict[str, Layer], layer: Layer) -> None:
        known = table.setdefault(layer.name, layer)
        for a, b in zip(known.inputs, layer.inputs, strict=True):
            self._unite(int(a), int(b))

    def _layer(self, node: torch.fx.Node) -> str:
        return self.tensor_of[node.name].rpartition(".")[0]

    def _same_width(self, node: torch.fx.Node) -> bool:
        both = node.args[:2]
        return all(isinstance(a, torch.fx.Node) and a in self.ids for a in both) and (
            both[0].meta["val"].shape == both[1].meta["val"].shape  # type: ignore[union-attr]
        )

    def _fresh(self, count: int, pinned: str = "") -> np.ndarray:
        start = len(self.parent)
        self.parent.extend(range(start, start + count))
        ids = np.arange(start, start + count)
        if pinned:
            self.pins.update(dict.fromkeys(ids.tolist(), pinned))
        return ids

    def _pin(self, node: torch.fx.Node, reason: str) -> None:
        for i in self.ids.get(node, ()):
            self.pins.setdefault(int(i), reason)

    def _root(self, i: int) -> int:
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def _unite(self, a: int, b: int) -> None:
        low, high = sorted((self._root(a), self._root(b)))
        self.parent[high] = low

    def result(self) -> ChannelFlow:
        roots = np.array([self._root(i) for i in range(len(self.parent))])
        for table in (self.convolutions, self.norms):
            for layer in table.values():
                layer.inputs, layer.outputs = roots[layer.inputs], roots[layer.outputs]
        pinned = {int(roots[i]): reason for i, reason in self.pins.items()}
        groups: dict[tuple[int, ...], Group] = {}
        for layer in self.convolutions.values():
            key = tuple(layer.outputs.tolist())
            group = groups.setdefault(key, Group(layer.name, layer.outputs))
            group.convolutions.append(layer.name)
        owner = {int(c): group for group in groups.values() for c in group.classes}
        for group in groups.values():
            reasons = {pinned[c] for c in group.classes.tolist() if c in pinned}
            foreign = any(owner[c] is not group for c in group.classes.tolist())
            repeated = len(set(group.classes.tolist())) != len(group.classes)
            group.pinned = min(reasons) if reasons else "overlaps another group" if foreign or repeated else ""
        for norm in self.norms.values():
            owned = groups.get(tuple(norm.outputs.tolist()))
            if owned is not None:
                owned.norms.append(norm.name)
        for group in groups.values():
            if not group.norms and not group.pinned:
                group.pinned = "no batch norm of its own scores it"
        return ChannelFlow(self.convolutions, self.norms, list(groups.values()))
