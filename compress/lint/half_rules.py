"""Rules about half precision, in which the chip computes: nothing may grow beyond 65504."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
import onnx

from compress.graph.ascend_operators import has_ascend
from compress.graph.bounded import bounded_run
from compress.graph.foreign import without_foreign
from compress.graph.graph_facts import place
from compress.graph.onnx_proof import open_session, random_inputs
from compress.lint.finding import ERROR, Finding
from compress.lint.subject import Subject
from deploy.errors import ModelError
from deploy.host.model.ascend_int8 import lowered

LARGEST = 65504.0
_TOGETHER = 2**26
"""Values that are looked at together: 256 MiB."""
_UNKNOWN = 2**20
"""What a tensor of unknown size counts for."""


def weights(subject: Subject) -> Iterator[Finding]:
    read = {name for node in subject.facts.graph.node for name in node.input}
    for name, value in subject.facts.constants.items():
        if value.dtype == np.float32 and value.size and name in read and not np.abs(value).max() <= LARGEST:
            largest = f"its largest value is {np.abs(value).max():.3g}, beyond half precision"
            remedy = "train with weight decay, or fold batch norms before export"
            yield Finding("fp16-weights", ERROR, f"weight '{name}'", largest, remedy)


def activations(subject: Subject, images: np.ndarray | None) -> Iterator[Finding]:
    """The nodes whose results leave half precision first, on images float32 [n, 3, H, W] in 0..1, or on noise.

    Raises ModelError where onnxruntime cannot run the model.
    """
    graph = subject.facts.graph
    largest: dict[str, float] = {}
    for values in _runs(subject, images):
        for name, value in values.items():
            largest[name] = float(np.maximum(largest.get(name, 0.0), value))  # keeps NaN, which max() may lose
    beyond = {name for name, value in largest.items() if not value <= LARGEST}
    for node in graph.node:
        made = [name for name in node.output if name in beyond]
        if made and not beyond & set(node.input):
            highest = largest[made[0]]
            shown = "values that are no numbers" if np.isnan(highest) else f"values up to {highest:.3g}"
            sentence = f"makes {shown}, which half precision cannot hold"
            remedy = "retrain with weight decay, or let ATC mix precisions (--precision_mode=allow_mix_precision)"
            yield Finding("fp16-range", ERROR, place(node), sentence, remedy)


def _runs(subject: Subject, images: np.ndarray | None) -> Iterator[dict[str, float]]:
    known, _ = without_foreign(subject.facts.model)
    model = onnx.ModelProto()
    model.CopyFrom(known)
    shown = {value.name for value in model.graph.output}
    whole = {node.input[0] for node in model.graph.node if node.op_type == "AscendDequant"}
    hidden = whole | set(subject.facts.constants)
    makes = [name for node in model.graph.node for name in node.output if name and name not in hidden]
    if not makes:
        return
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in makes if name not in shown)
    try:
        content = model.SerializeToString()
        if has_ascend(model):
            content = lowered(content)
        session = open_session(content, optimise=False)
        for inputs in _inputs(subject, images):
            found = {}
            for names in _portions(subject, makes):  # all at once would need the memory of all layers
                for name, value in zip(names, bounded_run(session, names, inputs), strict=True):
                    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
                        found[name] = float(np.maximum(value.max(), -value.min()))
            yield found
    except ModelError:
        raise
    except Exception as fault:  # onnxruntime's errors have no common base
        reason = (str(fault).strip().splitlines() or [type(fault).__name__])[-1]
        raise ModelError(f"{subject.name} does not run: {reason}") from None


def _portions(subject: Subject, names: list[str]) -> Iterator[list[str]]:
    """The tensors in portions that fit into memory together; the graph runs once for each."""
    portion: list[str] = []
    room = _TOGETHER
    for name in names:
        shape = subject.facts.shapes.get(name)
        values = _UNKNOWN if shape is None or None in shape else prod(side or 0 for side in shape)
        if portion and values > room:
            yield portion
            portion, room = [], _TOGETHER
        portion.append(name)
        room -= values
    yield portion


def _inputs(subject: Subject, images: np.ndarray | None) -> Iterator[dict[str, np.ndarray]]:
    value = subject.input()
    if value is None or subject.image_size() is None:
        yield random_inputs(subject.facts.model)
    elif images is not None:
        yield from ({value.name: image[None]} for image in images)
    else:
        noise = random_inputs(subject.facts.model)[value.name]
        ramp = np.broadcast_to(np.linspace(0, 1, noise.shape[3], dtype=np.float32), noise.shape)
        yield from ({value.name: drawn} for drawn in (noise, np.ones_like(noise), np.ascontiguousarray(ramp)))
