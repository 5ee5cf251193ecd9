"""Rules for operators that move channels or pixels without computing: Concat, Split, Slice, Resize, Pad, reductions."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from compress.graph.graph_facts import GraphFacts, attributes, set_attribute
from compress.pad.channels import Channels, Opaque
from compress.pad.rule import Keep, Padding, Rule, channel_count, needed, tracked

_CHANNELS = 1


def _axis(node: onnx.NodeProto, facts: GraphFacts, default: int) -> int:
    rank = facts.rank(node.input[0])
    if rank is None:
        raise Opaque("reads something of unknown shape")
    return int(attributes(node).get("axis", default)) % rank


class Concat(Rule):
    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        ids = [tracked(channels, node, position) for position in range(len(node.input))]
        if _axis(node, facts, _CHANNELS) == _CHANNELS:
            channels.ids[node.output[0]] = np.concatenate(ids)
            return
        if len({len(part) for part in ids}) > 1:
            raise Opaque("joins unlike numbers of channels")
        for part in ids[1:]:
            channels.unite(ids[0], part)
        channels.ids[node.output[0]] = ids[0]


class Split(Rule):
    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        ids = tracked(channels, node, 0)
        if _axis(node, facts, 0) != _CHANNELS:
            for name in node.output:
                channels.ids[name] = ids
            return
        start = 0
        for name, size in zip(node.output, self._sizes(node, facts, len(ids)), strict=True):
            channels.ids[name] = ids[start : start + size]
            start += size
        if start != len(ids):
            raise Opaque("splits into parts that do not add up")

    def _sizes(self, node: onnx.NodeProto, facts: GraphFacts, count: int) -> list[int]:
        values = attributes(node)
        if "split" in values:
            return list(values["split"])
        if len(node.input) > 1 and node.input[1]:
            return [int(size) for size in needed(facts, node, 1, "sizes")]
        each = -(-count // len(node.output))
        return [min(each, count - each * i) for i in range(len(node.output))]

    def rewrite(self, node: onnx.NodeProto, padding: Padding) -> None:
        if _axis(node, padding.facts, 0) != _CHANNELS or not padding.changes(node.input[0]):
            return
        sizes = [len(padding.layouts[name]) for name in node.output]
        if padding.facts.opset < 13:
            set_attribute(node, "split", sizes)
        else:
            set_attribute(node, "num_outputs", None)
            padding.replace(node, 1, np.array(sizes, np.int64))


class Slice(Rule):
    """A run of channels without gaps, or any slice of pixels."""

    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        ids = tracked(channels, node, 0)
        start, end = self._range(node, facts, len(ids)) or (0, len(ids))
        if start >= end:
            raise Opaque("keeps no channel")
        channels.ids[node.output[0]] = ids[start:end]

    def _range(self, node: onnx.NodeProto, facts: GraphFacts, count: int) -> tuple[int, int] | None:
        """The first channel kept and the one behind the last; None where channels are not sliced."""
        starts, ends, position = self._parts(node, facts)
        if position is None:
            return None
        start, end, _ = slice(int(starts[position]), int(ends[position])).indices(count)
        return start, end

    def _parts(self, node: onnx.NodeProto, facts: GraphFacts) -> tuple[np.ndarray, np.ndarray, int | None]:
        """`starts`, `ends`, and where in them the channels are."""
        rank = facts.rank(node.input[0])
        if rank is None:
            raise Opaque("reads something of unknown shape")
        if facts.opset < 10:
            values = attributes(node)
            starts, ends = np.array(values["starts"]), np.array(values["ends"])
            axes = np.array(values.get("axes", range(len(starts))))
            steps = np.ones(len(starts), np.int64)
        else:
            starts, ends = needed(facts, node, 1, "starts"), needed(facts, node, 2, "ends")
            axes, steps = np.arange(len(starts)), np.ones(len(starts), np.int64)
            if len(node.input) > 3 and node.input[3]:
                axes = needed(facts, node, 3, "axes")
            if len(node.input) > 4 and node.input[4]:
                steps = needed(facts, node, 4, "steps")
        places = [position for position, axis in enumerate(axes) if int(axis) % rank == _CHANNELS]
        if not places:
            return starts, ends, None
        if int(steps[places[0]]) != 1:
            raise Opaque("takes channels with gaps or in reverse")
        return starts, ends, places[0]

    def rewrite(self, node: onnx.NodeProto, padding: Padding) -> None:
        layout = padding.layouts[node.input[0]]
        old = self._range(node, padding.facts, int((layout >= 0).sum()))
        if old is None or not padding.changes(node.input[0]):
            return
        starts, ends, position = self._parts(node, padding.facts)
        starts, ends = starts.copy(), ends.copy()
        starts[position] = int(np.flatnonzero(layout == old[0])[0])
        ends[position] = starts[position] + len(padding.layouts[node.output[0]])
        if padding.facts.opset < 10:
            set_attribute(node, "starts", starts.tolist())
            set_attribute(node, "ends", ends.tolist())
        else:
            padding.replace(node, 1, starts)
            padding.replace(node, 2, ends)


class Resize(Keep):
    """Resize and Upsample over pixels: by constant scales, or to constant sizes, which count the channels too."""

    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        if "axes" in attributes(node):
            raise Opaque("resizes named axes")
        scales, sizes = self._targets(node, facts)
        if scales is None and sizes is None:
            raise Opaque("has a target size that is computed, not constant")
        if scales is not None and float(scales[_CHANNELS]) != 1:
            raise Opaque("resizes the channels")
        if sizes is not None and int(sizes[_CHANNELS]) != len(tracked(channels, node, 0)):
            raise Opaque("resizes the channels")
        super().flow(node, facts, channels)

    def _targets(self, node: onnx.NodeProto, facts: GraphFacts) -> tuple[Any, Any]:
        values = attributes(node)
        if "scales" in values:
            return values["scales"], None
        old = node.op_type == "Upsample" or facts.opset < 11
        scales, sizes = facts.constant(node, 1 if old else 2), None if old else facts.constant(node, 3)
        return scales if scales is not None and scales.size else None, sizes

    def rewrite(self, node: onnx.NodeProto, padding: Padding) -> None:
        _, sizes = self._targets(node, padding.facts)
        if sizes is not None and padding.changes(node.input[0]):
            wider = sizes.copy()
            wider[_CHANNELS] = len(padding.layouts[node.input[0]])
            padding.replace(node, 3, wider)


class MaxPool(Keep):
    """Over pixels; the positions that it may give as well count through all channels."""

    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        if len([name for name in node.output if name]) > 1:
            raise Opaque("tells positions among all channels")
        super().flow(node, facts, channels)


class Border(Keep):
    """Pad around pixels."""

    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        if len(node.input) > 3 and node.input[3]:
            raise Opaque("pads named axes")
        pads = attributes(node).get("pads")
        pads = needed(facts, node, 1, "pads") if pads is None else pads
        rank = len(pads) // 2
        if pads[_CHANNELS] or pads[rank + _CHANNELS]:
            raise Opaque("pads the channels")
        super().flow(node, facts, channels)


class Reduce(Keep):
    """ReduceMean and its like over pixels, which keeps the axes."""

    def flow(self, node: onnx.NodeProto, facts: GraphFacts, channels: Channels) -> None:
        values = attributes(node)
        rank = facts.rank(node.input[0])
        axes = values.get("axes")
        if axes is None and len(node.input) > 1 and node.input[1]:
            axes = needed(facts, node, 1, "axes").tolist()
        if rank is None or not axes or any(int(axis) % rank <= _CHANNELS for axis in axes):
            raise Opaque("reduces the channels")
        if not values.get("keepdims", 1) and rank - len(axes) < 3:
            raise Opaque("drops the axes of the pixels")
        if not values.get("keepdims", 1) and channel_count(facts, node.output[0]) is None:
            raise Opaque("makes something of unknown shape")
        super().flow(node, facts, channels)
