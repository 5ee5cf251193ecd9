"""Which channels can be removed together: every output channel of every convolution gets an id, the ids flow through
the exported graph, and ids that meet in an addition are united (docs/adr/0003). The parts of a split stay equally wide:
channels of the same rank in each of them are united too (docs/adr/0018).

No layer names and no architecture are known here. An operator that is not understood pins the channels that reach it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.fx.config
from torch import nn

from compress.channels.attention import followed
from compress.channels.grouping import groups_of, pair_parts
from compress.channels.layer_norm import normalised
from compress.channels.layers import Group, Layer, Places
from compress.channels.operators import OPERATORS, TAKES_LOUD
from compress.channels.trace import Trace, operator, shape_of


@dataclass
class ChannelFlow:
    """The channels of a model.

    `convolutions`, `norms` (batch norms) and `layer_norms` map a layer's name to its channel classes; `groups`
    partitions all classes.
    `norm_behind` names the batch norm that takes a convolution's output, "" where there are several. `vectors` maps
    the names of parameters outside of layers that have a value a channel to their classes, int64 [C]. `bare` names the
    convolutions of removable channels whose output is used without a batch norm, `normalised` those among them that
    layer norms alone take, and `scale_behind` the vector that such an output alone is multiplied with.
    """

    convolutions: dict[str, Layer]
    norms: dict[str, Layer]
    groups: list[Group]
    norm_behind: dict[str, str] = field(default_factory=dict)
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    bare: frozenset[str] = frozenset()
    layer_norms: dict[str, Layer] = field(default_factory=dict)
    scale_behind: dict[str, str] = field(default_factory=dict)
    normalised: frozenset[str] = frozenset()

    def removable(self) -> list[Group]:
        """The groups that are not pinned."""
        return [group for group in self.groups if not group.pinned]

    def scales(self) -> dict[str, Layer]:
        """The norms of both kinds."""
        return {**self.norms, **self.layer_norms}

    def gammas(self, model: nn.Module) -> dict[str, nn.Parameter]:
        """The batch-norm weights whose channels can be removed, by layer name."""
        names = [norm for group in self.removable() for norm in group.norms if norm in self.norms]
        return {name: model.get_submodule(name).weight for name in names}  # type: ignore[misc]


def channel_flow(model: nn.Module, example: torch.Tensor, places: Sequence[Places] = ()) -> ChannelFlow:
    """Trace `model` on `example` (float32 [1, 3, H, W]) and follow its channels.

    The example's values do not matter, its shape must be one the model accepts; the model is not changed. Parts of a
    split are united by the rank of their |gamma|, or as `places`, those of an older flow's groups, has it.
    Raises ModelError for places that do not fit the model.
    """
    trace = Trace(export_graph(model, example), model)
    _follow(trace)
    pair_parts(trace, places)
    trace.vectors = {name: trace.channels.roots(ids) for name, ids in trace.vectors.items()}
    for layer in (*trace.convolutions.values(), *trace.norms.values(), *trace.layer_norms.values()):
        layer.inputs, layer.outputs = (trace.channels.roots(ids) for ids in (layer.inputs, layer.outputs))
    groups = groups_of(trace)
    movable = {name for group in groups if not group.pinned for name in group.convolutions}
    return ChannelFlow(
        trace.convolutions,
        trace.norms,
        groups,
        trace.norm_behind,
        trace.vectors,
        frozenset(trace.bare & movable),
        trace.layer_norms,
        trace.scale_behind,
        frozenset(trace.normalised & movable),
    )


def example_image(model: nn.Module) -> torch.Tensor:
    """A black image that a detector takes, float32 [1, 3, side, side]: 64 px, or a cell of its coarsest scale."""
    side = max(64, *(int(stride) for stride in getattr(model, "stride", ())))
    return torch.zeros(1, 3, side, side)


def export_graph(model: nn.Module, example: torch.Tensor) -> torch.export.ExportedProgram:
    """The graph of `model` in eval mode on `example`, by torch.export; the model is not changed."""
    was_training, config = model.training, torch.fx.config
    traces = getattr(config, "do_not_emit_stack_traces", False)  # older versions of torch have no such setting
    try:
        # where in the model's code each operator was called is of no use here, and takes a third of the time to note
        config.do_not_emit_stack_traces = True
        return torch.export.export(model.eval(), (example,))
    finally:
        config.do_not_emit_stack_traces = traces
        model.train(was_training)


def _follow(trace: Trace) -> None:
    for node in trace.nodes:
        if trace.is_image(node):
            trace.ids[node] = trace.channels.fresh(shape_of(node)[1], "the image's own channels")
        elif node.op == "call_function":
            loud = [argument for argument in node.all_input_nodes if argument in trace.loud]
            if operator(node) not in TAKES_LOUD:
                for argument in loud:
                    reason = f"comes out of the operator {operator(argument)} with a value where it is silent before"
                    trace.pin([argument], reason)
            understood = OPERATORS.get(operator(node))
            ids = understood(trace, node) if understood else None
            if ids is not None:
                trace.ids[node] = ids
            elif not (normalised(trace, node) or followed(trace, node)):
                trace.give_up(node)
        elif node.op == "output":
            trace.pin(node.all_input_nodes, "an output of the model")
