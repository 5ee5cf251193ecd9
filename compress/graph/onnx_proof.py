"""Proves by running them that two ONNX models compute the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime

from compress.graph.bounded import bounded_memory, bounded_run
from deploy.errors import ModelError

TOLERANCE = 1e-5
"""The largest difference between two equal models, of an output's largest value. Only the order of sums may differ."""
_HALF_TOLERANCE = 2.0**-9
"""The same where an output is float16: two units in the last place of its largest value."""
_FREE_SIDE = 64
_PORTION = 2**22


def random_inputs(model: onnx.ModelProto, seed: int = 0) -> dict[str, np.ndarray]:
    """Values for every input: 0..1 for floats, the whole range for uint8; a free batch is 1, another free side 64.

    Raises ModelError for an input that is no tensor of numbers.
    """
    generator = np.random.default_rng(seed)
    given = {entry.name for entry in model.graph.initializer}
    values = {}
    for entry in model.graph.input:
        if entry.name in given:
            continue
        sides = entry.type.tensor_type.shape.dim
        shape = [d.dim_value or (_FREE_SIDE if i else 1) for i, d in enumerate(sides)]
        try:
            kind = onnx.helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type)
        except KeyError:
            kind = np.dtype("O")
        if kind.kind == "O" or not entry.type.HasField("tensor_type"):
            raise ModelError(f"the input '{entry.name}' is no tensor of numbers, so the model cannot be run")
        drawn = generator.random(shape) if kind.kind == "f" else generator.integers(0, 256, shape)
        values[entry.name] = drawn.astype(kind)
    return values


def open_session(content: bytes, optimise: bool = True, without: Sequence[str] = ()) -> onnxruntime.InferenceSession:
    """A session on the CPU that keeps its warnings to itself; without `optimise` every tensor of the graph exists, and
    the optimisers named in `without` are left out.

    Raises what onnxruntime raises, which has no common base.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it says, the exception says too
    # threads that wait in a loop take the processor from what is done between two runs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    with bounded_memory():
        return onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(without)
        )


def run(model: onnx.ModelProto, inputs: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    """The model's outputs. Raises ModelError, which calls the model `name`, where onnxruntime cannot run it."""
    try:
        session = open_session(model.SerializeToString())
        return [np.asarray(output) for output in bounded_run(session, None, inputs)]
    except Exception as fault:  # onnxruntime's errors have no common base
        raise ModelError(f"{name} does not run: {str(fault).strip().splitlines()[-1]}") from None


def largest_difference(before: list[np.ndarray], after: list[np.ndarray]) -> float:
    """Of the largest value of each output; infinite where shapes, types, or what is no finite number differ."""
    worst = 0.0
    if len(before) != len(after):
        return float("inf")
    for old, new in zip(before, after, strict=True):
        if old.shape != new.shape or old.dtype != new.dtype:
            return float("inf")
        if old.dtype == bool or old.size == 0:
            worst = max(worst, float("inf") if (old != new).any() else 0.0)
            continue
        worst = max(worst, _difference(old.reshape(-1), new.reshape(-1)))
    return worst


def _difference(old: np.ndarray, new: np.ndarray) -> float:
    """The largest difference of two lists of values, of the first one's largest value; in portions, to save memory."""
    scale = difference = 0.0
    for start in range(0, len(old), _PORTION):
        a, b = (values[start : start + _PORTION].astype(np.float64) for values in (old, new))
        finite = np.isfinite(a)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True) or not np.isfinite(b[finite]).all():
            return float("inf")
        scale = max(scale, float(np.abs(a[finite]).max(initial=0.0)))
        difference = max(difference, float(np.abs(a[finite] - b[finite]).max(initial=0.0)))
    return difference / (scale or 1.0)


def prove_equal(before: onnx.ModelProto, after: onnx.ModelProto, name: str, draws: int = 2) -> float:
    """The largest difference over some random inputs, of each output's largest value.

    Raises ModelError where it is more than the tolerance, or where one of the two does not run.
    """
    worst = 0.0
    for seed in range(draws):
        try:
            inputs = random_inputs(before, seed)
        except ModelError as fault:
            raise ModelError(f"{name}: {fault}") from None
        old = run(before, inputs, name)
        worst = max(worst, largest_difference(old, run(after, inputs, f"the rewritten {name}")))
        allowed = _HALF_TOLERANCE if any(output.dtype == np.float16 for output in old) else TOLERANCE
        if not worst <= allowed:
            raise ModelError(
                f"the rewritten {name} differs by {worst:.1e} of its outputs' scale, more than {allowed:.0e}; nothing "
                "was written, please report this model"
            )
    return worst
