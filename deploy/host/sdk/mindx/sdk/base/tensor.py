"""mindx.sdk.base.Tensor: an array that is said to lie on the host or on the chip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deploy.host.sdk.mindx.sdk.base import enums
from deploy.host.sdk.mindx.sdk.base.faults import error
from deploy.sdk_codes import FAILURE, INVALID_PARAM

_SETTABLE = (enums.dtype.uint8, enums.dtype.int32, enums.dtype.float16, enums.dtype.float32)


class Tensor:
    """Made of a numpy array, or empty. `numpy.array(tensor)` has the values, wherever the tensor is said to be; a board
    hands them out only after `to_host`.
    """

    def __init__(self, values: Any = None) -> None:
        self._values = np.ascontiguousarray(np.empty(0, np.uint8) if values is None else np.asarray(values))
        self.device = -1
        if enums.dtype.of(self._values.dtype) is enums.dtype.undefined:
            raise error(INVALID_PARAM, f"a Tensor cannot have elements of {self._values.dtype}")

    @property
    def shape(self) -> list[int]:
        return list(self._values.shape)

    @property
    def dtype(self) -> enums.dtype:
        return enums.dtype.of(self._values.dtype)

    def to_device(self, device: int) -> None:
        self.device = device

    def to_host(self) -> None:
        self.device = -1

    def set_tensor_value(self, value: float, kind: enums.dtype) -> None:
        """Fill a tensor on the chip. Raises RuntimeError 1001 for one on the host, 1004 for another type than its."""
        if kind not in _SETTABLE:
            names = ", ".join(map(str, _SETTABLE))
            raise error(INVALID_PARAM, f"Invalid Input Tensor dtype, should be one of {names}")
        if kind in _SETTABLE[:2]:
            limits = np.iinfo(kind.numpy)
            if not limits.min <= value <= limits.max:
                raise error(INVALID_PARAM, "Input value exceeds the range of the target data type.")
        if self.device < 0:
            raise error(FAILURE, "the tensor is on the host; move it with to_device first")
        if self.dtype is not kind:
            raise error(INVALID_PARAM, f"the tensor is {self.dtype}, not {kind}")
        self._values.fill(value)

    def __array__(self, kind: Any = None, copy: bool | None = None) -> np.ndarray:
        values = self._values if kind is None else self._values.astype(kind, copy=False)
        return values.copy() if copy or copy is None else values

    def __repr__(self) -> str:
        return f"Tensor(shape={self.shape}, dtype={self.dtype}, device={self.device})"


def batch_concat(tensors: Sequence[Tensor]) -> Tensor:
    """One tensor of several, along the first axis. Raises RuntimeError 1004 for shapes that do not go together."""
    try:
        return Tensor(np.concatenate([np.asarray(tensor) for tensor in tensors]))
    except ValueError as fault:
        raise error(INVALID_PARAM, f"batch_concat: {fault}") from None


def batch(tensors: Sequence[Tensor], keep_dims: bool = False) -> Tensor:
    """The older name: along the first axis with `keep_dims`, else along a new one."""
    if keep_dims:
        return batch_concat(tensors)
    try:
        return Tensor(np.stack([np.asarray(tensor) for tensor in tensors]))
    except ValueError as fault:
        raise error(INVALID_PARAM, f"batch: {fault}") from None


def transpose(tensor: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """The tensor with its axes in another order. Raises RuntimeError 1004 for axes that it does not have."""
    try:
        return Tensor(np.transpose(np.asarray(tensor), axes))
    except ValueError as fault:
        raise error(INVALID_PARAM, f"transpose: {fault}") from None
