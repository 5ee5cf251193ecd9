"""The shapes of a graph's tensors, inferred without running it, and a bound on what they would hold."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import onnx

from compress.graph.ascend_operators import has_ascend, without_ascend
from deploy.errors import ModelError
from deploy.wire.onnx_limits import MOST_VALUES

MOST_TOGETHER = 2**33
"""Values of all tensors; what running a graph once may cost."""
_MOST_PROPAGATED = 2**16
"""Values of a tensor that tells shapes; more of them would be followed one by one."""
_WHOLE = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)

Shape = Sequence[int | None]


def inferred_shapes(model: onnx.ModelProto) -> dict[str, Shape]:
    """For every tensor whose number of sides is known these sides, None for one that is not fixed.

    Raises ModelError, which begins with the tensor, where one would hold more values than onnx_limits allows.
    """
    shapes = _shapes(_inferred(model, False))
    _check(shapes)
    if _tells_much(model, shapes):
        return shapes
    shapes = _shapes(_inferred(model, True))
    _check(shapes)
    return shapes


def _check(shapes: dict[str, Shape]) -> None:
    together = 0
    for name, shape in shapes.items():
        if any(side is not None and side < 0 for side in shape):
            raise ModelError(f"the tensor '{name}' would have the sides {shown(shape)}, expected positive ones")
        values = prod(side for side in shape if side is not None)
        if values > MOST_VALUES:
            raise ModelError(
                f"the tensor '{name}' would have the sides {shown(shape)}, {values} values, more than {MOST_VALUES}"
            )
        together += values
    if together > MOST_TOGETHER:
        raise ModelError(f"all its tensors together would hold {together} values, more than {MOST_TOGETHER}")


def shown(shape: Shape | None) -> str:
    """A shape in a sentence."""
    return "unknown" if shape is None else "[" + ", ".join("?" if side is None else str(side) for side in shape) + "]"


def _tells_much(model: onnx.ModelProto, shapes: dict[str, Shape]) -> bool:
    """Whether lists of whole numbers, which may be shapes, are so long that following their values would not end."""
    kinds = {entry.name: entry.data_type for entry in model.graph.initializer}
    lists = 0
    for name, shape in shapes.items():
        if len(shape) <= 1 and kinds.get(name, onnx.TensorProto.INT64) in _WHOLE:
            lists += prod(side for side in shape if side is not None)
    return lists > _MOST_PROPAGATED


def _inferred(model: onnx.ModelProto, values: bool) -> onnx.ModelProto:
    plain = without_ascend(model) if has_ascend(model) else model
    try:
        return onnx.shape_inference.infer_shapes(plain, data_prop=values)
    except Exception:  # what cannot be inferred is not known: each rule says what it needs
        return model


def _shapes(model: onnx.ModelProto) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for value in [*model.graph.input, *model.graph.value_info, *model.graph.output]:
        if value.type.tensor_type.HasField("shape"):
            sides = value.type.tensor_type.shape.dim
            shapes[value.name] = [side.dim_value if side.HasField("dim_value") else None for side in sides]
    return shapes
