"""Which channels can be removed together: every output channel of every convolution gets an id, the ids flow through
the exported graph, and ids that meet in an addition are united (docs/adr/0003). The parts of a split stay equally wide:
channels of the same rank in each of them are united too (docs/adr/0018).

No layer names and no architecture are known here. An operator that is not understood pins the channels that reach it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from deploy.errors import ModelError

_CONVOLUTIONS = {"conv2d", "convolution"}
_SPLITS = {"chunk", "split", "split_with_sizes"}
_SHAPED = {"view", "reshape", "_unsafe_view", "unflatten", "expand"}  # what they make has the shape that they are told
_NORMS = {"batch_norm", "_native_batch_norm_legit_no_training", "native_batch_norm"}
# Operators that treat each channel alone and leave a channel of zeros silent.
_SAME_CHANNELS = {
    "silu", "silu_", "relu", "relu_", "leaky_relu", "leaky_relu_", "hardswish", "hardswish_",
    "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d",
    "upsample_nearest2d", "upsample_bilinear2d", "clone", "contiguous", "dropout", "to", "detach", "alias",
}  # fmt: skip


Places = dict[str, list[list[int]]]


@dataclass
class Layer:
    """A convolution or batch norm and the ids of its channels: `inputs` [in] and `outputs` [out], int64.

    For a batch norm the two are the same, and for a depthwise convolution, which makes each channel of one channel.
    """

    name: str
    inputs: np.ndarray
    outputs: np.ndarray
    depthwise: bool = False


@dataclass
class Group:
    """Channels that can be removed together across all its members.

    Attributes:
        name: the first convolution of the group that gives no other group its name.
        classes: int64 [width]; a class stands for the channels of every member that have it, for two of a convolution
            whose output is split in halves.
        convolutions: names of the convolutions whose output channels these are.
        norms: names of the batch norms over these channels whose gamma scores them.
        pinned: why none of them may be removed, or "".
        shortcut: whether an addition unites channels of the group.
        places: for convolutions of which a class stands for several channels, their numbers [copies][width]; two rows
            where halves are split.
    """

    name: str
    classes: np.ndarray
    convolutions: list[str] = field(default_factory=list)
    norms: list[str] = field(default_factory=list)
    pinned: str = ""
    shortcut: bool = False
    places: Places = field(default_factory=dict)


@dataclass
class ChannelFlow:
    """The channels of a model.

    `convolutions` and `norms` map a layer's name to its channel classes; `groups` partitions all classes.
    `norm_behind` names the batch norm that takes a convolution's output, "" where there are several.
    """

    convolutions: dict[str, Layer]
    norms: dict[str, Layer]
    groups: list[Group]
    norm_behind: dict[str, str] = field(default_factory=dict)

    def removable(self) -> list[Group]:
        """The groups that are not pinned."""
        return [group for group in self.groups if not group.pinned]

    def gammas(self, model: nn.Module) -> dict[str, nn.Parameter]:
        """The batch-norm weights whose channels can be removed, by layer name."""
        names = [norm for group in self.removable() for norm in group.norms]
        return {name: model.get_submodule(name).weight for name in names}  # type: ignore[misc]


def channel_flow(model: nn.Module, example: torch.Tensor, places: Places | None = None) -> ChannelFlow:
    """Trace `model` on `example` (float32 [1, 3, H, W]) and follow its channels.

    The example's values do not matter, its shape must be one the model accepts; the model is not changed. Parts of a
    split are united by the rank of their |gamma|, or as `places`, those of an older flow's groups, has it.
    Raises ModelError for places that do not fit the model.
    """
    was_training = model.training
    try:
        exported = torch.export.export(model.eval(), (example,))
    finally:
        model.train(was_training)
    tracer = _Tracer(exported, model, places)
    tracer.run()
    return tracer.result()


def _operator(node: torch.fx.Node) -> str:
    """The operator's plain name: "conv2d" for torch.ops.aten.conv2d.default."""
    return getattr(node.target, "__name__", str(node.target)).split(".")[0]


def _modules_of(node: torch.fx.Node) -> list[str]:
    """Paths of the modules in whose forward the node was made, the outermost first."""
    return [path for path, _ in (node.meta.get("nn_module_stack") or {}).values()]


def _module_of(node: torch.fx.Node) -> str:
    return (_modules_of(node) or [""])[-1]


def _positions(outputs: np.ndarray, classes: list[int]) -> list[list[int]]:
    """Where each class is among a layer's outputs: [copies][width]."""
    found = {c: [] for c in classes}  # type: dict[int, list[int]]
    for place, c in enumerate(outputs.tolist()):
        if c in found:
            found[c].append(place)
    return [list(row) for row in zip(*(found[c] for c in classes), strict=True)]


def _given_orders(given: list[list[int]], parts: list[np.ndarray], name: str) -> list[np.ndarray]:
    width = len(parts[0])
    orders = [np.array(row, np.int64) - i * width for i, row in enumerate(given)]
    if len(orders) != len(parts) or any(sorted(order.tolist()) != list(range(width)) for order in orders):
        raise ModelError(f"the plan does not pair the {len(parts)} x {width} channels of {name}, each once")
    return orders


class _Tracer:
    def __init__(self, exported: torch.export.ExportedProgram, model: nn.Module, places: Places | None) -> None:
        self.model = model
        self.graph = exported.graph
        signature = exported.graph_signature
        self.tensor_of = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        self.parent: list[int] = []
        self.added: set[int] = set()  # ids that an addition unites
        self.pins: dict[int, str] = {}
        self.ids: dict[torch.fx.Node, np.ndarray] = {}
        self.parts: dict[torch.fx.Node, list[np.ndarray]] = {}  # of what is split
        self.places = places or {}
        self.convolutions: dict[str, Layer] = {}
        self.norms: dict[str, Layer] = {}
        self.norm_behind: dict[str, str] = {}
        self.bare: set[str] = set()  # convolutions whose outputs are also used without a batch norm

    def run(self) -> None:
        for node in self.graph.nodes:
            if node.op == "placeholder" and node.name not in self.tensor_of:
                self.ids[node] = self._fresh(node.meta["val"].shape[1], "the image's own channels")
            elif node.op == "call_function":
                self._call(node)
            elif node.op == "output":
                for value in node.all_input_nodes:
                    self._pin(value, "an output of the model")

    def _call(self, node: torch.fx.Node) -> None:
        operator = _operator(node)
        inputs = [a for a in (node.args[0] if operator == "cat" else node.args[:1]) if isinstance(a, torch.fx.Node)]  # type: ignore[union-attr]
        if operator == "getitem" and inputs[0] in self.parts:
            self.ids[node] = self.parts[inputs[0]][node.args[1]]  # type: ignore[index]
            return
        known = bool(inputs) and all(a in self.ids for a in inputs)
        if known and operator in _CONVOLUTIONS and self._holds_weight(node):
            self._convolution(node)
        elif known and operator in _NORMS and self._holds_weight(node):
            ids = self.ids[inputs[0]]
            self._once(self.norms, Layer(self._layer(node), ids, ids))
            if _operator(inputs[0]) in _CONVOLUTIONS and self._holds_weight(inputs[0]):
                before, norm = self._layer(inputs[0]), self._layer(node)
                self.norm_behind[before] = norm if self.norm_behind.get(before, norm) == norm else ""
            self.ids[node] = ids
        elif known and operator in _SAME_CHANNELS:
            self.ids[node] = self.ids[inputs[0]]
        elif known and operator in ("add", "add_") and self._same_width(node):
            left, right = (self.ids[a] for a in node.args)  # type: ignore[index]
            for a, b in zip(left, right, strict=True):
                self._unite(int(a), int(b))
            self.added.update(left.tolist())
            self.ids[node] = left
        elif known and operator == "cat" and node.args[1:] == (1,):
            self.ids[node] = np.concatenate([self.ids[a] for a in inputs])
        elif known and operator in _SPLITS and self._splits_channels(node):
            self._split(node)
        else:
            self._not_understood(node, operator)

    def _splits_channels(self, node: torch.fx.Node) -> bool:
        """Whether a split parts the channels equally and would do so for fewer of them.

        A chunk asks for a number of parts. The other splits ask for widths: the module must keep them as its
        attribute `c`, which follows the pruned layers.
        """
        if node.args[2:] != (1,) and node.kwargs.get("dim") != 1:
            return False
        source = node.args[0]
        assert isinstance(source, torch.fx.Node)
        widths = {part.shape[1] for part in node.meta["val"]}
        if len(widths) != 1 or len(self.ids[source]) % len(node.meta["val"]):
            return False
        owner = self.model.get_submodule(_module_of(node))
        return _operator(node) == "chunk" or getattr(owner, "c", None) == widths.pop()

    def _split(self, node: torch.fx.Node) -> None:
        source = node.args[0]
        assert isinstance(source, torch.fx.Node)
        self.parts[node] = np.split(self.ids[source], len(node.meta["val"]))

    def _not_understood(self, node: torch.fx.Node, operator: str) -> None:
        for value in node.all_input_nodes:
            self._pin(value, f"reaches the operator {operator}")
        shape: tuple[int, ...] = getattr(node.meta.get("val"), "shape", ())
        if len(shape) > 1:
            if operator in _SHAPED:
                self._pin_givers_of_width(node, shape[1])
            self.ids[node] = self._fresh(shape[1], f"comes out of the operator {operator}")

    def _pin_givers_of_width(self, node: torch.fx.Node, width: int) -> None:
        """A view to so many channels may have its number from a tensor that the module takes: pin those it can be.

        The graph has the number alone. An attention's `x.view(B, C, H, W)` has C from its input, not from x.
        """
        inside = _module_of(node)
        for user in self.graph.nodes:
            if inside and inside in _modules_of(user):
                for value in user.all_input_nodes:
                    if inside not in _modules_of(value) and len(self.ids.get(value, ())) == width:
                        self._pin(value, f"gives the operator {_operator(node)} its width")

    def _convolution(self, node: torch.fx.Node) -> None:
        source, weight = node.args[0], node.args[1]
        assert isinstance(source, torch.fx.Node) and isinstance(weight, torch.fx.Node)
        name = self._layer(node)
        if any(_operator(user) not in _NORMS for user in node.users):
            self.bare.add(name)
        out, per_group = weight.meta["val"].shape[:2]
        depthwise = per_group == 1 and out == len(self.ids[source])
        grouped = per_group != len(self.ids[source]) and not depthwise
        if grouped:
            self._pin(source, f"feeds the grouped convolution {name}")
        if name in self.convolutions:  # one layer used twice: both inputs must lose the same channels
            for a, b in zip(self.convolutions[name].inputs, self.ids[source], strict=True):
                self._unite(int(a), int(b))
            self.ids[node] = self.convolutions[name].outputs
            return
        outputs = self.ids[source] if depthwise else self._fresh(out, "leaves a grouped convolution" if grouped else "")
        self.convolutions[name] = Layer(name, self.ids[source], outputs, depthwise)
        self.ids[node] = outputs

    def _once(self, table: dict[str, Layer], layer: Layer) -> None:
        known = table.setdefault(layer.name, layer)
        for a, b in zip(known.inputs, layer.inputs, strict=True):
            self._unite(int(a), int(b))

    def _holds_weight(self, node: torch.fx.Node) -> bool:
        """Whether the second argument is the tensor `weight` of a layer, not one that is computed or borrowed."""
        weight = node.args[1]
        return isinstance(weight, torch.fx.Node) and self.tensor_of.get(weight.name, "").endswith(".weight")

    def _layer(self, node: torch.fx.Node) -> str:
        weight = node.args[1]
        assert isinstance(weight, torch.fx.Node)
        return self.tensor_of[weight.name].removesuffix(".weight")

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

    def _tie(self, parts: list[np.ndarray]) -> None:
        """Unite each channel of the first part with one of every other part."""
        whole = np.concatenate(parts)
        names = [n for n, layer in self.convolutions.items() if np.array_equal(layer.outputs, whole)]
        given = next((self.places[n] for n in names if n in self.places), None)
        orders = self._orders(parts) if given is None else _given_orders(given, parts, names[0])
        for part, order in zip(parts[1:], orders[1:], strict=True):
            for a, b in zip(parts[0][orders[0]], part[order], strict=True):
                self._unite(int(a), int(b))

    def _orders(self, parts: list[np.ndarray]) -> list[np.ndarray]:
        """Each part's channels from the weakest to the strongest; as they come where parts share channels already."""
        strength = np.zeros(len(self.parent))
        roots = np.array([self._root(i) for i in range(len(self.parent))])
        for norm in self.norms.values():
            gamma = self.model.get_parameter(f"{norm.name}.weight").detach().abs().double().cpu().numpy()
            np.maximum.at(strength, roots[norm.outputs], gamma)
        strength[[self._root(i) for i in self.pins]] = np.inf
        whole = roots[np.concatenate(parts)]
        if len(set(whole.tolist())) != len(whole):
            return [np.arange(len(part)) for part in parts]
        return [np.argsort(strength[roots[part]], kind="stable") for part in parts]

    def _groups(self) -> list[Group]:
        """Classes that the same convolutions put out, each as often, make a group."""
        makers: dict[int, list[str]] = {}
        for layer in self.convolutions.values():
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
            places = {n: _positions(self.convolutions[n].outputs, classes) for n in repeated}
            groups[name] = Group(name, np.array(classes, np.int64), several, places=places)
        return list(groups.values())

    def result(self) -> ChannelFlow:
        for parts in self.parts.values():
            self._tie(parts)
        roots = np.array([self._root(i) for i in range(len(self.parent))])
        for table in (self.convolutions, self.norms):
            for layer in table.values():
                layer.inputs, layer.outputs = roots[layer.inputs], roots[layer.outputs]
        pinned = {int(roots[i]): reason for i, reason in self.pins.items()}
        added = {int(roots[i]) for i in self.added}
        groups = self._groups()
        for group in groups:
            classes = group.classes.tolist()
            group.pinned = min((pinned[c] for c in classes if c in pinned), default="")
            group.shortcut = not added.isdisjoint(classes)
            makers = [set(self.convolutions[name].outputs.tolist()) for name in group.convolutions]
            group.norms = [norm.name for norm in self.norms.values() if set(norm.outputs.tolist()) in makers]
            if not group.pinned and (not group.norms or self.bare.intersection(group.convolutions)):
                group.pinned = "no batch norm of its own scores it"
        return ChannelFlow(self.convolutions, self.norms, groups, self.norm_behind)
