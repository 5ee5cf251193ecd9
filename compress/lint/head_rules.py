"""Rules about what comes out of the graph: the SDK's post-processors read raw heads in float32."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from compress.lint.finding import ERROR, WARNING, Finding
from compress.lint.fix.cut import find_heads
from compress.lint.subject import Subject
from compute_mAP.regular_file import read_bounded

_COARSEST = 32
_ANY_STRIDES = b"deploy.postprocess.anchor_based"


def types(subject: Subject) -> Iterator[Finding]:
    for value in subject.facts.graph.output:
        kind = value.type.tensor_type.elem_type
        if kind != onnx.TensorProto.FLOAT:
            shown = onnx.TensorProto.DataType.Name(kind)
            remedy = "export in float32 and give ATC --output_type=FP32, as build.sh does"
            yield Finding(
                "output-type", ERROR, f"output '{value.name}'", f"is {shown}; post-processing reads FLOAT", remedy
            )


def raw(subject: Subject) -> Iterator[Finding]:
    facts = subject.facts
    heads = find_heads(facts)
    if heads and set(heads) != set(facts.outputs):
        yield Finding(
            "heads-decoded",
            ERROR,
            subject.name,
            f"the graph goes on behind its {len(heads)} raw heads to {len(facts.outputs)} output(s)",
            "export raw heads, or let --fix cut the graph there",
            True,
        )
    elif not heads and not all(_is_raw(subject, name) for name in facts.outputs):
        shown = [facts.shapes.get(name) for name in facts.outputs]
        sentence = f"its outputs {shown} are no raw heads [1, anchors, h, w, 5 + classes], nor such of YOLOv8"
        remedy = "export the heads before decoding; else the board needs a post-processor of your own"
        yield Finding("heads-unknown", WARNING, subject.name, sentence, remedy)


def _is_raw(subject: Subject, name: str) -> bool:
    """Five axes, or what a convolution makes."""
    maker = subject.facts.makers.get(name)
    return subject.facts.rank(name) == 5 or (maker is not None and maker.op_type == "Conv")


def strides(subject: Subject) -> Iterator[Finding]:
    """With a head of stride 64 the SDK takes the anchors of the wrong heads, and says nothing; this project's own
    post-processor, where a bundle names it, does not."""
    size = subject.image_size()
    if _decodes_any_strides(subject):
        return
    heads = [subject.facts.shapes.get(name) or [] for name in find_heads(subject.facts) or subject.facts.outputs]
    rows = [shape[2] for shape in heads if len(shape) == 5 and shape[2]]
    if size is None or not rows:
        return
    coarsest = size[0] / min(rows)
    if len(rows) == len(heads) and coarsest != _COARSEST:
        sentence = f"its coarsest head has stride {coarsest:g} (of {len(rows)}); the SDK decodes rightly only up to 32"
        remedy = "use a P5 model (strides 8, 16, 32), or deploy.postprocess.anchor_based, as a bundle of `export` does"
        yield Finding("p6", ERROR, subject.name, sentence, remedy)


def _decodes_any_strides(subject: Subject) -> bool:
    """Whether all pipelines of the bundle name this project's own post-processor."""
    if subject.bundle is None:
        return False
    try:
        pipelines = [read_bounded(file) for file in subject.bundle.folder.glob("*.pipeline")]
    except OSError:
        return False
    return bool(pipelines) and all(_ANY_STRIDES in text for text in pipelines)
