"""Rules about the graph as such: opset, operators, axes, shapes, resizing, names (CANN ATC user guide, reports)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import onnx

from compress.graph.ascend_operators import ASCEND
from compress.graph.foreign import STANDARD, is_foreign, without_foreign
from compress.graph.graph_facts import attributes, place
from compress.lint.finding import ERROR, NOTE, WARNING, Finding
from compress.lint.fix.cut import find_heads, leading_to
from compress.lint.fix.opset import REPLACED
from compress.lint.subject import Subject
from deploy.wording import shortened

_CONTROL = {"If", "Loop", "Scan"}
_DATA_DEPENDENT = {"NonZero", "Range", "ScatterND", "ScatterElements", "Shape", "TopK", "Unique", "Where"}
_SUPPRESSION = re.compile(r"nms|nonmaxsuppression", re.IGNORECASE)
_FREE_AXES = {"Reshape", "Transpose", "Identity", "Squeeze", "Unsqueeze", "Flatten", "Cast", "Constant", "Shape"}
_MOST_AXES = 4
_NMS_INPUTS = 5
_ARITHMETIC = {"Add", "Sub", "Mul", "Div", "Mod", "Min", "Max", "Equal", "Greater", "Less"}
_MOVES = {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Slice", "Gather", "Expand", "Tile", "Identity"}
_NEWER_CANN = 17
"""The newest opset of CANN 8.3, from which on no such failure was reported."""
_FORBIDDEN = re.compile(r"[\s;:,'\"]")


def opset(subject: Subject) -> Iterator[Finding]:
    found = subject.facts.opset
    operators = {node.op_type for node in subject.facts.graph.node}
    if subject.bundle is not None and subject.bundle.quantization and "QuantizeLinear" in operators:
        return  # ATC converts the bundle's other graph
    if found > subject.newest:
        sentence = f"opset {found}; CANN {subject.cann} reads up to {subject.newest}"
        yield Finding("opset", ERROR, subject.name, sentence, "export with opset 11, or let --fix lower it", True)


def imports(subject: Subject) -> Iterator[Finding]:
    """ATC reads one set of operators (E16005), whether a node uses the others or not."""
    model = subject.facts.model
    domains = [entry.domain for entry in model.opset_import]
    if len(domains) < 2:
        return
    leading = leading_to(subject.facts, find_heads(subject.facts))
    stays = [node for node in model.graph.node if node.domain not in STANDARD and (not leading or id(node) in leading)]
    doubled = len({entry.version for entry in model.opset_import if entry.domain in STANDARD}) > 1
    fixable = (bool(model.functions) or not stays) and not doubled
    remedy = "let --fix remove those that no node needs"
    if doubled:
        remedy = "export again: ONNX's own operators are there in two versions, and nothing says which was meant"
    elif not fixable:
        remedy = f"export without {place(stays[0])} and what else is no ONNX operator"
    named = shortened([repr(domain) for domain in domains])
    sentence = f"opset_import has {len(domains)} entries ({named}); ATC takes one"
    yield Finding("opset-import", ERROR, subject.name, sentence, remedy, fixable)


def functions(subject: Subject) -> Iterator[Finding]:
    found = subject.facts.model.functions
    if found:
        sentence = f"defines {len(found)} functions of its own, such as {found[0].name}; ATC knows operators alone"
        yield Finding(
            "functions", ERROR, subject.name, sentence, "let --fix write them out where they are called", True
        )


def operators(subject: Subject) -> Iterator[Finding]:
    slow: Counter[str] = Counter()
    facts = subject.facts
    leading = leading_to(facts, find_heads(facts))
    own = {(entry.domain, entry.name) for entry in facts.model.functions}
    for node in facts.graph.node:
        kind = node.op_type
        behind = bool(leading) and id(node) not in leading
        if (node.domain, kind) in own:
            continue
        if _SUPPRESSION.search(kind):
            yield _suppression(subject, node, behind)
        elif node.domain not in STANDARD or is_foreign(node, facts.model):
            whose = f"one of {node.domain}" if node.domain not in STANDARD else f"unknown in opset {facts.opset}"
            remedy = "let --fix cut the graph at its heads, before it" if behind else "export without it"
            yield Finding("operator-unknown", ERROR, place(node), f"is no ONNX operator but {whose}", remedy, behind)
        elif kind in _CONTROL:
            remedy = "export with fixed shapes and simplify with onnxsim, so that the branch is decided"
            yield Finding("operator-control", ERROR, place(node), "decides at run time what is computed", remedy)
        elif kind not in ASCEND and not onnx.defs.has(kind, max_inclusive_version=subject.newest):
            sentence = f"has no version in opset {subject.newest}, the newest of CANN {subject.cann}"
            remedy = "let --fix write it with older operators" if kind in REPLACED else "replace it in the network"
            yield Finding("operator-too-new", ERROR, place(node), sentence, remedy, kind in REPLACED)
        elif kind in _DATA_DEPENDENT and any(name not in facts.constants for name in node.input):
            slow[kind] += 1
            taker = _of_indices(subject, node) if kind == "TopK" else None
            if taker is not None:
                yield Finding(
                    "topk-indices",
                    ERROR,
                    place(node),
                    f"{place(taker)} computes with its indices; ATC makes them INT32 where the others are INT64, and "
                    "stops (E89999)",
                    "let --fix cut the graph at its heads, before it" if behind else "export without TopK",
                    behind,
                )
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


def _suppression(subject: Subject, node: onnx.NodeProto, behind: bool) -> Finding:
    """An ONNX NMS of 5 inputs compiles; of 3 or 4 it ends ATC with a segmentation fault, of 2 with a failed inference
    of shapes (reported of CANN 9.0.1)."""
    given = sum(1 for name in node.input if name)
    severity = ERROR
    if is_foreign(node, subject.facts.model) or node.domain not in STANDARD:
        sentence = "suppresses boxes and is a plugin of another runtime; ATC does not know it"
    elif node.op_type == "NonMaxSuppression" and 3 <= given < _NMS_INPUTS:
        sentence = f"suppresses boxes and has {given} inputs; one of 3 or 4 ends ATC with a segmentation fault"
    elif node.op_type == "NonMaxSuppression" and given < _NMS_INPUTS:
        sentence = f"suppresses boxes and has {given} inputs; ATC cannot infer shapes for that, it wants all 5"
    else:
        severity = WARNING
        sentence = "suppresses boxes inside the graph; ATC converts it, but the SDK's post-processor wants raw heads"
    remedy = "export without NMS" + (", or let --fix cut the graph at its heads" if behind else "")
    return Finding("nms-in-graph", severity, place(node), sentence, remedy, behind)


def _of_indices(subject: Subject, node: onnx.NodeProto) -> onnx.NodeProto | None:
    """Who computes with a TopK's indices as they are. Reports are of CANN 5 and 6."""
    if len(node.output) < 2 or subject.newest >= _NEWER_CANN:
        return None
    waiting, seen = [node.output[1]], {node.output[1]}
    while waiting:
        for taker in subject.facts.takers.get(waiting.pop(), ()):
            if taker.op_type in _ARITHMETIC:
                return taker
            if taker.op_type in _MOVES and taker.input[0] in seen:
                fresh = [name for name in taker.output if name and name not in seen]
                waiting += fresh
                seen.update(fresh)
    return None


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
    known = without_foreign(facts.model)[0].graph
    makes = {name for node in known.node for name in node.output}
    loose = [
        node
        for node in facts.graph.node
        if node.output and node.output[0] in makes
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
