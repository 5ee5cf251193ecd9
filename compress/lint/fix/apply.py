"""Applies every exact rewriting to a model and proves that it still computes the same."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from compress.graph.folded import folded
from compress.graph.onnx_proof import prove_equal
from compress.lint.fix.cut import cut
from compress.lint.fix.focus import replace_focus
from compress.lint.fix.identity import remove_identities
from compress.lint.fix.opset import lower_opset
from deploy.errors import ModelError


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

    Raises ModelError where the copy computes something else. Where outputs were cut off, the raw heads are compared
    with the same tensors of the whole graph.
    """
    simple, sentence = folded(model)
    fixed = onnx.ModelProto()
    fixed.CopyFrom(simple)
    done = [*([sentence] if sentence else []), *cut(fixed), *replace_focus(fixed)]
    # before Identity nodes go, because tensors to compare must have kept their names
    whole = onnx.ModelProto()
    whole.CopyFrom(simple)
    del whole.graph.output[:]
    whole.graph.output.extend(fixed.graph.output)
    done += remove_identities(fixed)
    lowered, refused = lower_opset(fixed, newest)
    try:
        onnx.checker.check_model(fixed)
    except onnx.checker.ValidationError as fault:
        words = str(fault).strip().splitlines()[0]
        raise ModelError(f"the rewritten {name} is no valid model ({words}); please report this model") from None
    difference = prove_equal(whole, fixed, name)
    if sentence:
        difference = max(difference, prove_equal(model, simple, name))
    return Fixed(fixed, [*done, *lowered], refused, difference)
