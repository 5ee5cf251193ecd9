"""What a checkpoint's pickle is given for the names it uses: tensors, plain values, and records of known classes."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from compress.nets.pickled.record import Record

_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
# Classes that the checkpoints of YOLOv5 and of the ultralytics package hold, by module prefix. They only ever become
# records.
_RECORD_MODULES = (
    "models.",
    "utils.",
    "torch.nn.modules.",
    "torch.nn.parallel.",
    "torch.optim.",
    "ultralytics.nn.",
    "ultralytics.utils.loss",
    "ultralytics.utils.tal",
    "ultralytics.yolo.utils.loss",  # where 8.0 kept them
    "ultralytics.yolo.utils.tal",
)
_RECORD_NAMES = {
    ("pathlib", "PosixPath"),
    ("pathlib", "WindowsPath"),
    ("pathlib", "PurePosixPath"),
    ("pathlib", "PureWindowsPath"),
    ("pathlib._local", "PosixPath"),  # where Python 3.13 keeps them
    ("pathlib._local", "WindowsPath"),
    ("numpy", "ndarray"),  # best_fitness of a training that was not finished
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("argparse", "Namespace"),
    ("ultralytics.utils", "IterableSimpleNamespace"),
    ("ultralytics.yolo.utils", "IterableSimpleNamespace"),
    ("datetime", "datetime"),
    ("torch", "device"),
}
_LARGEST_KEY = 2**61 - 1  # the hashes of larger numbers repeat, so that a file could make a dict crawl
_LONGEST_KEY = 16


class _Fixed:
    """What the pickle is given to call or to name, and must not change."""

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("the pickle changes how it is read")


class StorageKind(_Fixed):
    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


class Function(_Fixed):
    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


class _Ordered(OrderedDict):
    """An OrderedDict whose attributes (`_metadata` of a state_dict) are dropped: one could hide a method."""

    def __setstate__(self, state: Any) -> None:
        pass


def known_name(module: str, name: str) -> Any:
    """What stands for a name of the pickle; None for one that no honest checkpoint of these families needs."""
    plain = _PLAIN.get((module, name))
    if plain is not None:
        return plain
    if module == "torch" and name in _STORAGES:
        return StorageKind(_STORAGES[name])
    if (module, name) in _RECORD_NAMES or (module.startswith(_RECORD_MODULES) and name.isidentifier()):
        return type(name, (Record,), {"kind": f"{module}.{name}"})
    return None


def checked_key(key: Any) -> Any:
    """The key of a mapping or entry of a set. Raises ValueError for one whose hash a file could choose at will."""
    for one in key if isinstance(key, tuple) else (key,):
        number = isinstance(one, int) and abs(one) >= _LARGEST_KEY
        plain = one is None or isinstance(one, (str, bytes, int, float, Record, torch.Tensor))
        if number or not plain or (isinstance(key, tuple) and len(key) > _LONGEST_KEY):
            raise ValueError(f"a mapping has a key of type {type(key).__name__} that no checkpoint needs")
    return key


def _ordered(items: Iterable[Any] = ()) -> _Ordered:
    return _Ordered((checked_key(key), value) for key, value in items)


def _set(entries: Iterable[Any] = ()) -> set[Any]:
    return {checked_key(entry) for entry in entries}


def rebuild_tensor(storage: torch.Tensor, offset: int, size: tuple, stride: tuple, *_: Any) -> torch.Tensor:
    """A tensor's view of its storage. Raises ValueError where it reaches beyond."""
    if not isinstance(storage, torch.Tensor):
        raise ValueError("a tensor without storage")
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if all(size) else offset
    if offset < 0 or min(size, default=0) < 0 or min(stride, default=0) < 0 or last >= max(storage.numel(), 1):
        raise ValueError(f"a tensor of shape {tuple(size)} reaches beyond its data")
    return storage.as_strided(tuple(size), tuple(stride), offset)


def _rebuild_parameter(data: torch.Tensor, *_: Any) -> torch.Tensor:
    return data


def _numpy_scalar(dtype: Any, raw: bytes = b"") -> float | int | None:
    kind = dtype.arguments[0] if isinstance(dtype, Record) and dtype.arguments else None
    if kind not in ("f2", "f4", "f8", "i4", "i8", "u1", "b1") or not isinstance(raw, bytes):
        return None
    return np.frombuffer(raw, dtype=kind)[0].item()


def _encode(text: str, encoding: str) -> bytes:
    """What protocol-2 pickles call to make bytes: `_codecs.encode(text, 'latin1')`."""
    return str(text).encode("latin-1" if encoding in ("latin1", "latin-1") else "utf-8")


REBUILD_TENSOR = ("torch._utils", "_rebuild_tensor_v2")
_DTYPE = type("dtype", (Record,), {"kind": "numpy.dtype"})
_PLAIN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): Function(_ordered),
    ("__builtin__", "set"): Function(_set),
    ("builtins", "set"): Function(_set),
    ("torch", "Size"): Function(lambda sides=(): tuple(sides)),
    ("torch._utils", "_rebuild_parameter"): Function(_rebuild_parameter),
    ("_codecs", "encode"): Function(_encode),
    ("numpy", "dtype"): _DTYPE,
    ("numpy.core.multiarray", "scalar"): Function(_numpy_scalar),
    ("numpy._core.multiarray", "scalar"): Function(_numpy_scalar),
}
