"""Rules about the graph as such: opset, operators, axes, shapes, resizing, names (CANN ATC user guide, reports)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import onnx

from compress.graph.graph_facts import attributes, place
from compress.lint.finding import ERROR, NOTE, WARNING, Finding
from compress.lint.fix.opset import REPLACED
from compress.lint.subject import Subject
from deploy.wording import shortened

_STANDARD = ("", "ai.onnx")
_CONTROL = {"If", "Loop", "Scan"}
_DATA_DEPENDENT = {"NonZero", "Range", "ScatterND", "ScatterElements", "Shape", "TopK", "Unique", "Where"}
_SUPPRESSION = re.compile(r"nms|nonmaxsuppression", re.IGNORECASE)
_FREE_AXES = {"Reshape", "Transpose", "Identity", "Squeeze", "Unsqueeze", "Flatten", "Cast", "Constant", "Shape"}
_MOST_AXES = 4
_FORBIDDEN = re.compile(r"[\s;:,'\"]")


def opset(subject: Subject) -> Iterator[Finding]:
    found = subject.facts.opset
    if found > subject.newest:
        sentence = f"opset {found}; CANN {subject.cann} reads up to {subject.newest}"
        yield Finding("opset", ERROR, subject.name, sentence, "export with opset 11, or let --fix lower it", True)


def operators(subject: Subject) -> Iterator[Finding]:
    slow: Counter[str] = Counter()
    for node in subject.facts.graph.node:
        kind = node.op_type
        if _SUPPRESSION.search(kind):
            yield Finding(
                "nms-in-graph",
                ERROR,
                place(node),
                "suppresses boxes inside the graph, where the SDK's post-processor wants raw heads",
                "export without NMS, or let --fix cut the graph at its heads",
                True,
            )
        elif node.domain not in _STANDARD:
            sentence = f"is no ONNX operator but one of {node.domain}"
            yield Finding(
                "operator-unknown", ERROR, place(node), sentence, "export without it, or cut the graph before"
            )
        elif kind in _CONTROL:
            remedy = "export with fixed shapes and simplify with onnxsim, so that the branch is decided"
            yield Finding("operator-control", ERROR, place(node), "decides at run time what is computed", remedy)
        elif not onnx.defs.has(kind, max_inclusive_version=subject.newest):
            sentence = f"has no version in opset {subject.newest}, the newest of CANN {subject.cann}"
            remedy = "let --fix write it with older operators" if kind in REPLACED else "replace it in the network"
            yield Finding("operator-too-new", ERROR, place(node), sentence, remedy, kind in REPLACED)
        elif kind in _DATA_DEPENDENT and any(name not in subject.facts.constants for name in node.input):
            slow[kind] += 1
    if slow:
        listed = shortened([f"{count} {kind}" for kind, count in sorted(slow.items())])
        yield Finding(
            "operator-slow",
            WARNING,
            subject.name,
            f"{listed}: operators of decoding or of computed shapes, which do not run on the AI cores",
            "export with fixed shapes and simplify with onnxsim, or let --fix fold and cut",
            True,
        )


def axes(subject: Subject) -> Iterator[Finding]:
    wide = [
        node
        for node in subject.facts.graph.node
        if node.op_type not in _FREE_AXES
        and any((subject.facts.rank(name) or 0) > _MOST_AXES for name in [*node.input, *node.output])
        and any(name not in subject.facts.constants for name in node.output)
    ]
    if wide:
        yield Finding(
            "rank",
            WARNING,
            place(wide[0]),
            f"computes on more than {_MOST_AXES} axes, as do {len(wide)} nodes in all; the chip's layout has 4",
            "cut at the heads (--fix), so that only a reshape and a transpose remain",
        )


def shapes(subject: Subject) -> Iterator[Finding]:
    facts = subject.facts
    for name in facts.inputs:
        shape = facts.shapes.get(name)
        if shape is None or None in shape:
            shown = "unknown" if shape is None else [side if side is not None else "?" for side in shape]
            remedy = "export with fixed sides and batch 1 (no dynamic axes)"
            yield Finding("shape-dynamic", ERROR, f"input '{name}'", f"its shape is {shown}", remedy)
            return
        if len(shape) == 4 and shape[0] != 1:
            sentence = f"takes {shape[0]} images at once, so a single one waits for the others"
            yield Finding("batch", WARNING, f"input '{name}'", sentence, "export with batch 1")
    loose = [
        node
        for node in facts.graph.node
        for output in node.output[:1]
        if output not in facts.constants and (output not in facts.shapes or None in facts.shapes[output])
    ]
    if loose:
        yield Finding(
            "shape-computed",
            WARNING,
            place(loose[0]),
            f"the shape of what it makes depends on data; so do {len(loose)} in all",
            "export with fixed shapes and simplify with onnxsim, or let --fix fold and cut",
            True,
        )


def resizing(subject: Subject) -> Iterator[Finding]:
    facts = subject.facts
    for node in facts.graph.node:
        if node.op_type not in ("Resize", "Upsample"):
            continue
        values = attributes(node)
        mode = values.get("mode", "nearest")
        if mode not in ("nearest", "linear"):
            yield Finding("resize-mode", ERROR, place(node), f"its mode is {mode}", "use nearest or linear")
        targets = ["scales" in values, *(facts.constant(node, i) is not None for i in range(1, len(node.input)))]
        last = facts.constant(node, len(node.input) - 1)
        if not any(targets) or (last is None and "scales" not in values):
            sentence = "its target size is computed in the graph"
            yield Finding(
                "resize-computed", ERROR, place(node), sentence, "export with fixed shapes, simplify with onnxsim"
            )
        where = values.get("coordinate_transformation_mode", "half_pixel")
        rounding = values.get("nearest_mode", "round_prefer_floor")
        modern = node.op_type == "Resize" and facts.opset > 10 and mode == "nearest"
        if modern and (where, rounding) != ("asymmetric", "floor"):
            sentence = f"nearest with {where} and {rounding}; the chip is known to do asymmetric and floor"
            remedy = "export the upsampling of PyTorch, which is asymmetric and floor"
            yield Finding("resize-mode", WARNING, place(node), sentence, remedy)


def identities(subject: Subject) -> Iterator[Finding]:
    nodes = [n for n in subject.facts.graph.node if n.op_type == "Identity" and not n.domain]
    if nodes:
        remedy = "simplify with onnxsim, or let --fix remove them"
        yield Finding("identity", NOTE, place(nodes[0]), f"{len(nodes)} nodes do nothing", remedy, True)


def names(subject: Subject) -> Iterator[Finding]:
    facts = subject.facts
    makers = [facts.makers[name] for name in facts.outputs if name in facts.makers]
    for text in dict.fromkeys([*facts.inputs, *facts.outputs, *(node.name for node in makers)]):
        if _FORBIDDEN.search(text):
            sentence = "holds a blank, a quote or one of ; : , which separate names in ATC's options"
            yield Finding("names", ERROR, repr(text), sentence, "export it under another name")
    counts = Counter(node.name for node in facts.graph.node if node.name)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        yield Finding("names-twice", ERROR, repr(twice[0]), f"{len(twice)} names have several nodes", "name them apart")
    if any(not node.name for node in makers):
        sentence = "a node that makes an output has no name, so --out_nodes has to name tensors"
        yield Finding("names-missing", NOTE, subject.name, sentence, "build.sh does that; or name the nodes")
