"""Batch norms folded into the convolutions before them, so that int8 weights hold what is really multiplied."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from compress.graph.graph_facts import GraphFacts, attributes, drop_unused
from compress.graph.onnx_proof import prove_equal


def fold_batch_norm(model: onnx.ModelProto, name: str) -> tuple[onnx.ModelProto, int]:
    """A copy without the batch norms that alone take what a convolution makes, proved equal, and how many there were.

    The model itself where there are none. Raises ModelError where the two differ.
    """
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    facts = GraphFacts(folded)
    gone: set[str] = set()
    for norm in folded.graph.node:
        if norm.op_type != "BatchNormalization":
            continue
        conv = facts.makers.get(norm.input[0])
        values = [facts.constant(norm, place) for place in range(1, 5)]
        weight = facts.constant(conv, 1) if conv is not None and conv.op_type == "Conv" else None
        bias = facts.constant(conv, 2) if weight is not None and conv is not None and len(conv.input) > 2 else None
        alone = len(facts.takers[norm.input[0]]) == 1 and norm.input[0] not in facts.outputs
        if conv is None or weight is None or not alone or any(value is None for value in values):
            continue
        gamma, beta, mean, variance = (value.astype(np.float64) for value in values if value is not None)
        factor = gamma / np.sqrt(variance + attributes(norm).get("epsilon", 1e-5))
        moved = ((0 if bias is None else bias) - mean) * factor + beta
        scaled = weight.astype(np.float64) * factor.reshape(-1, *[1] * (weight.ndim - 1))
        names = [f"{conv.output[0]}/folded/{kind}" for kind in ("weight", "bias")]
        for entry, array in zip(names, (scaled, moved), strict=True):
            folded.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), entry))
        source = conv.input[0]
        del conv.input[:]
        conv.input.extend([source, *names])
        conv.output[0] = norm.output[0]
        gone.add(norm.output[0])
    if not gone:
        return model, 0
    kept = [n for n in folded.graph.node if n.op_type != "BatchNormalization" or n.output[0] not in gone]
    del folded.graph.node[:]
    folded.graph.node.extend(kept)
    drop_unused(folded.graph)
    prove_equal(model, folded, name)
    return folded, len(gone)
