"""Applies every exact rewriting to a model and proves that it still computes the same."""

from __future__ import annotations

from dataclasses import dataclass

import onnx
import onnx.inliner

from compress.graph.ascend_operators import has_ascend
from compress.graph.folded import folded
from compress.graph.foreign import without_foreign
from compress.graph.graph_facts import GraphFacts, place
from compress.graph.onnx_proof import prove_equal
from compress.lint.fix.cut import cut, find_heads
from compress.lint.fix.domains import drop_imports
from compress.lint.fix.focus import replace_focus
from compress.lint.fix.identity import remove_identities
from compress.lint.fix.opset import lower_opset
from deploy.errors import ModelError

FLOAT_FIRST = "rewrite the float model, and quantise it again"


@dataclass(frozen=True)
class Fixed:
    """`done` has a sentence for each rewriting, `refused` one for what could not be rewritten; `difference` is that of
    the proof, of each output's largest value."""

    model: onnx.ModelProto
    done: list[str]
    refused: list[str]
    difference: float


def fix(model: onnx.ModelProto, newest: int, name: str) -> Fixed:
    """A copy of `model` with every rewriting that applies; `newest` is the newest opset that the target reads.

    Raises ModelError where the copy computes something else, and where nothing can be proved, because operators that
    ONNX does not know stand before the raw heads. Where outputs were cut off, the raw heads are compared with the same
    tensors of the whole graph; what unknown operators make behind them need not run for that.
    """
    if has_ascend(model):
        raise ModelError(f"{name} is on int8 for ATC, and only floats can be rewritten; {FLOAT_FIRST}")
    flat, done = _written_out(model)
    known, foreign = without_foreign(flat)
    if not known.graph.node:
        raise ModelError(f"{name} cannot be rewritten: {place(foreign[0])} is no ONNX operator, and all depends on it")
    try:
        simple, sentence = folded(known)
    except ModelError as fault:
        raise ModelError(f"{name} cannot be rewritten: {fault}") from None
    fixed = onnx.ModelProto()
    fixed.CopyFrom(simple)
    done += [*([sentence] if sentence else []), *cut(fixed, len(flat.graph.node) - len(known.graph.node))]
    if foreign and not find_heads(GraphFacts(fixed)):
        raise ModelError(
            f"{name} cannot be rewritten: {place(foreign[0])} is no ONNX operator, so it does not run here, and no raw "
            "heads lie before it at which the graph could be cut"
        )
    done += replace_focus(fixed)
    # before Identity nodes go, because tensors to compare must have kept their names
    whole = onnx.ModelProto()
    whole.CopyFrom(simple)
    del whole.graph.output[:]
    whole.graph.output.extend(fixed.graph.output)
    done += [*remove_identities(fixed), *drop_imports(fixed)]
    lowered, refused = lower_opset(fixed, newest)
    difference = prove_equal(whole, fixed, name)  # first of all: a model that does not run is not well formed either
    try:
        onnx.checker.check_model(fixed)
    except onnx.checker.ValidationError as fault:
        words = str(fault).strip().splitlines()[0]
        raise ModelError(f"the rewritten {name} is no valid model ({words}); please report this model") from None
    if sentence:
        difference = max(difference, prove_equal(known, simple, name))
    if done and flat is not model and not foreign:
        difference = max(difference, prove_equal(model, flat, name))
    return Fixed(fixed, [*done, *lowered], refused, difference)


def _written_out(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """The model with its functions written out where they are called, and a sentence where it has some."""
    if not model.functions:
        return model, []
    flat = onnx.inliner.inline_local_functions(model)
    return flat, [f"{len(model.functions)} functions are written out where they are called"]
