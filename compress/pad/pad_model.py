"""Aligns the channel counts of any ONNX model with zeros that change nothing, and proves that by running both."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from compress.graph.folded import folded
from compress.graph.foreign import without_foreign
from compress.graph.graph_facts import GraphFacts, attributes, captured, drop_unused, place
from compress.graph.onnx_proof import prove_equal
from compress.pad.channels import Channels, Opaque
from compress.pad.operators import RULES
from compress.pad.rule import Padding, channel_count
from deploy.errors import ModelError, UsageError

CONVOLUTIONS = ("Conv", "ConvTranspose")
MOST = 64
_MALFORMED = (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError)
"""What rules run into in a node that ONNX's checker lets pass and no runtime takes."""
MOST_CHANNELS = 2**21
"""Of all tensors together; a large detector has a tenth of that."""


@dataclass(frozen=True)
class Change:
    """A convolution's channels (inputs, outputs) before and after."""

    node: str
    before: tuple[int, int]
    after: tuple[int, int]


@dataclass(frozen=True)
class Left:
    """A count that stays as it is: the convolution, "inputs" or "outputs", how many, and why."""

    node: str
    side: str
    count: int
    reason: str


@dataclass(frozen=True)
class Padded:
    """`difference` is that of the proof, of each output's largest value. `foreign` are the nodes that nothing here can
    run: what they are given was compared."""

    model: onnx.ModelProto
    difference: float
    changes: list[Change]
    left: list[Left]
    foreign: list[str]


def pad_model(model: onnx.ModelProto, multiple: int, name: str) -> Padded:
    """A copy of `model` whose convolutions read and make multiples of `multiple` channels, where zeros allow it.

    Chains that measure shapes are computed beforehand: a split whose places are computed could not be moved.
    Inputs and outputs of the graph keep their shapes. `name` says in errors which model it is.

    Raises UsageError for a multiple outside 2..64, ModelError for a model without a convolution, or one that computes
    something else afterwards.
    """
    if not 2 <= multiple <= MOST:
        raise UsageError(f"--multiple is {multiple}, expected 2 to {MOST}, such as 8 or 16")
    padded = onnx.ModelProto()
    try:
        padded.CopyFrom(folded(model)[0])
        facts = GraphFacts(padded)
    except ModelError as fault:
        raise ModelError(f"{name} cannot be padded: {fault}") from None
    convolutions = [node for node in facts.graph.node if node.op_type in CONVOLUTIONS]
    if not convolutions:
        raise ModelError(f"{name} has no convolution, so there is nothing to align")
    try:
        channels, passed = follow(facts)
    except ModelError as fault:
        raise ModelError(f"{name} cannot be padded: {fault}") from None
    padding = Padding(facts, channels.layouts(multiple))
    changes, left = [], []
    for node in convolutions:
        counts = _counts(node, facts, padding)
        change = Change(node.name or node.output[0], counts[0], counts[1])
        if change.before != change.after:
            changes.append(change)
        for side, tensor, count in zip(("inputs", "outputs"), (node.input[0], node.output[0]), change.after):
            if count % multiple:
                left.append(Left(change.node, side, count, _reason(channels, tensor)))
    for node in passed:
        RULES[node.op_type].rewrite(node, padding)
    facts.graph.initializer.extend(padding.added)
    if padding.added:
        padded.ir_version = max(padded.ir_version, 4)  # from which on constants need not be inputs as well
    drop_unused(facts.graph)
    before, foreign = without_foreign(model)
    if not before.graph.node:
        raise ModelError(f"{name} cannot be padded: {place(foreign[0])} is no ONNX operator, and all depends on it")
    difference = prove_equal(before, without_foreign(padded)[0], name)
    return Padded(padded, difference, changes, left, [place(node) for node in foreign])


def follow(facts: GraphFacts) -> tuple[Channels, list[onnx.NodeProto]]:
    """The channels of every tensor, those pinned that zeros must not reach; and the nodes that zeros may pass.

    Raises ModelError where all tensors together have more than MOST_CHANNELS.
    """
    channels, passed = Channels(), []
    followed = 0
    inner = captured(facts.graph)
    for name, shape in facts.shapes.items():
        if len(shape) > 1 and (shape[1] or 0) > MOST_CHANNELS:
            raise ModelError(f"'{name}' has {shape[1]} channels, more than {MOST_CHANNELS}, too many to follow each")
    for name in facts.inputs:
        count = channel_count(facts, name)
        if count is not None:
            channels.ids[name] = channels.fresh(count)
            channels.pin(channels.ids[name], "they are the model's input")
    for node in facts.graph.node:
        try:
            if all(name in facts.constants for name in node.output):
                continue
            if node.op_type not in RULES or node.domain not in ("", "ai.onnx"):
                raise Opaque("zeros must not reach")
            RULES[node.op_type].flow(node, facts, channels)
            passed.append(node)
        except (Opaque, *_MALFORMED) as fault:
            stop = fault if isinstance(fault, Opaque) else "is not built as ONNX has it"
            for name in node.output:
                channels.ids.pop(name, None)
            for name in node.input:
                if name in channels.ids:
                    channels.pin(channels.ids[name], f"they reach {place(node)}, which {stop}")
            for name in node.output:
                count = channel_count(facts, name)
                if count is not None:
                    channels.ids[name] = channels.fresh(count)
                    channels.pin(channels.ids[name], f"they come from {place(node)}, which {stop}")
        followed += sum(len(channels.ids[name]) for name in node.output if name in channels.ids)
        if followed > MOST_CHANNELS:
            raise ModelError(f"its tensors have more than {MOST_CHANNELS} channels together, too many to follow each")
    for names, reason in ((facts.outputs, "they are the model's output"), (inner, "a branch reads them")):
        for name in set(names) & set(channels.ids):
            channels.pin(channels.ids[name], reason)
    return channels, passed


def _counts(node: onnx.NodeProto, facts: GraphFacts, padding: Padding) -> tuple[tuple[int, int], tuple[int, int]]:
    """The (inputs, outputs) of a convolution before and after."""
    layouts = [padding.layouts.get(name) for name in (node.input[0], node.output[0])]
    if layouts[0] is not None and layouts[1] is not None:
        real = tuple(int((layout >= 0).sum()) for layout in layouts if layout is not None)
        return (real[0], real[1]), (len(layouts[0]), len(layouts[1]))
    weight = facts.constant(node, 1)
    groups = attributes(node).get("group", 1)
    shape = (0, 0) if weight is None else weight.shape[:2]
    same = (shape[1] * groups, shape[0]) if node.op_type == "Conv" else (shape[0], shape[1] * groups)
    return same, same


def _reason(channels: Channels, tensor: str) -> str:
    if tensor not in channels.ids:
        return "their shape is not known"
    return channels.pin_reason(tensor) or "the zeros of its parts do not add up to the multiple"
