"""What can be quantised: a float32 detector with raw heads that nobody quantised before; and what is odd about the
images that it is calibrated with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from compress.graph.ascend_operators import ASCEND
from compress.graph.graph_facts import GraphFacts, place
from compress.quantize.compared import SCORE, scores
from compress.quantize.ranges import Statistics
from deploy.bundle import Bundle
from deploy.errors import ModelError
from deploy.wording import shortened

_QUANTISED = {*ASCEND, "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "QLinearConv"}
_SUPPRESSION = re.compile("nms|nonmaxsuppression", re.IGNORECASE)
_FAR = 4.0
_FEW = 0.1


def check_accepted(bundle: Bundle, facts: GraphFacts, name: str) -> None:
    """Raise ModelError, in a sentence about `name`, for a model that is no float32 one with raw heads."""
    if bundle.quantization:
        raise ModelError(f"{bundle.folder} is an int8 bundle already; quantise the float bundle that it was made of")
    for node in facts.graph.node:
        if node.op_type in _QUANTISED:
            raise ModelError(f"{name} is quantised already ({place(node)}); expected a float32 model")
        if _SUPPRESSION.search(node.op_type):
            raise ModelError(
                f"{name} suppresses boxes inside the graph ({place(node)}), which int8 cannot be judged behind; export "
                "it with raw heads, or cut it with `compress lint --fix`"
            )
    half = [entry.name for entry in facts.graph.initializer if entry.data_type == onnx.TensorProto.FLOAT16]
    inputs = [value for value in facts.graph.input if value.name in facts.inputs]
    if half or any(value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16 for value in inputs):
        what = f"weights such as '{half[0]}'" if half else "its input"
        raise ModelError(f"{name} is float16 ({what}); expected the float32 model that it was made of")


def doubts(
    statistics: Mapping[str, Statistics], outputs: Sequence[Sequence[np.ndarray]], files: Sequence[Path], classes: int
) -> list[str]:
    """Sentences about images that the model seems not to be made for: it finds nothing in them, or one makes it give
    values far beyond those of the others."""
    notes = []
    found = [scores(entry, classes) for entry in outputs]
    with_objects = sum(entry is not None and bool((entry >= SCORE).any()) for entry in found)
    if found[0] is not None and with_objects < max(1, _FEW * len(found)):
        notes.append(
            f"the float model finds objects in {with_objects} of {len(found)} calibration images: are they of its kind "
            "of scene? Ranges that are chosen by others do not fit"
        )
    peaks = np.array([known.peaks for known in statistics.values()])
    if peaks.shape[1] > 2:
        far = (peaks > _FAR * np.maximum(np.median(peaks, axis=1, keepdims=True), 1e-12)).mean(axis=0) > 0.2
        names = [file.name for file, is_far in zip(files, far, strict=False) if is_far]
        if names:
            notes.append(
                f"{len(names)} calibration images make layers give more than {_FAR:g} times what they give for the "
                f"others, which widens every range: {shortened(names)}"
            )
    return notes
