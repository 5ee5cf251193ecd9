"""Rules about half precision, in which the chip computes: nothing may grow beyond 65504."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx

from compress.graph.graph_facts import place
from compress.graph.onnx_proof import open_session, random_inputs
from compress.lint.finding import ERROR, Finding
from compress.lint.subject import Subject
from deploy.errors import ModelError

LARGEST = 65504.0
_AT_ONCE = 40


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
            largest[name] = max(largest.get(name, 0.0), value)
    beyond = {name for name, value in largest.items() if not value <= LARGEST}
    for node in graph.node:
        made = [name for name in node.output if name in beyond]
        if made and not beyond & set(node.input):
            sentence = f"makes values up to {largest[made[0]]:.3g}, which half precision cannot hold"
            remedy = "retrain with weight decay, or let ATC mix precisions (--precision_mode=allow_mix_precision)"
            yield Finding("fp16-range", ERROR, place(node), sentence, remedy)


def _runs(subject: Subject, images: np.ndarray | None) -> Iterator[dict[str, float]]:
    model = onnx.ModelProto()
    model.CopyFrom(subject.facts.model)
    shown = {value.name for value in model.graph.output}
    makes = [name for node in model.graph.node for name in node.output if name and name not in subject.facts.constants]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in makes if name not in shown)
    try:
        session = open_session(model.SerializeToString(), optimise=False)
        for inputs in _inputs(subject, images):
            found = {}
            for start in range(0, len(makes), _AT_ONCE):  # all at once would need the memory of all layers
                names = makes[start : start + _AT_ONCE]
                for name, value in zip(names, session.run(names, inputs), strict=True):
                    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
                        found[name] = float(np.abs(value).max())
            yield found
    except Exception as fault:  # onnxruntime's errors have no common base
        raise ModelError(f"{subject.name} does not run: {str(fault).strip().splitlines()[-1]}") from None


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
