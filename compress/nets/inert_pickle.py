"""Reads a PyTorch `.pt` (a zip of tensors around a pickle) without running any of the pickle's code.

A pickle can name any callable and have it called. Here a name is only ever looked up in a table of our own: tensors
are rebuilt by our code, known classes become inert records that hold their attributes, and any other name ends the
reading. File layout: PyTorch, torch/serialization.py (zip form since 1.6).
"""

from __future__ import annotations

import copyreg
import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deploy.errors import ModelError

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


class Record:
    """An object of a known class: its class name, the arguments it was made with and its attributes."""

    kind = ""

    def __init__(self, *arguments: Any, **_: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)
        elif isinstance(state, tuple):
            for part in state:
                if isinstance(part, dict):
                    self.__dict__.update(part)

    # ModuleDict-like and Namespace-like items: kept, never acted upon
    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__.setdefault("items_", {})[key] = value

    def append(self, value: Any) -> None:
        self.__dict__.setdefault("list_", []).append(value)

    def extend(self, values: Any) -> None:
        self.__dict__.setdefault("list_", []).extend(values)


def read_inert(path: str | Path) -> Any:
    """The object a `.pt` holds, with tensors on the CPU, plain values, and `Record`s in place of class instances.

    Raises ModelError when the file is missing, truncated, not PyTorch's zip form, or names anything but tensors,
    plain values and known classes.
    """
    path = Path(path)
    # an extension code that this process has used before would be answered without asking find_class
    copyreg.clear_extension_cache()
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            pickles = [n for n in names if n.count("/") == 1 and n.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise ModelError(f"{path}: holds no data.pkl, expected a PyTorch checkpoint")
            reader = _Reader(path, archive, pickles[0].removesuffix("data.pkl"))
            return reader.load()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ModelError(f"{path}: is a folder, expected a checkpoint file") from None
    except zipfile.BadZipFile:
        raise ModelError(
            f"{path}: not a zip file, or a truncated one; expected a checkpoint that PyTorch 1.6 or later has saved"
        ) from None
    except ModelError:
        raise
    except Exception as error:  # a hostile pickle chooses which of zipfile's, pickle's and torch's errors it meets
        reason = (str(error).splitlines() or [""])[0]
        raise ModelError(f"{path}: the checkpoint cannot be read ({type(error).__name__}: {reason})") from None


class _Reader(pickle.Unpickler):
    """Every call and every attribute that the pickle asks for meets only what `find_class` gave out."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, prefix: str) -> None:
        super().__init__(io.BytesIO(archive.read(prefix + "data.pkl")), encoding="utf-8")
        self._path, self._archive, self._prefix = path, archive, prefix
        self._storages: dict[str, torch.Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        plain = _PLAIN.get((module, name))
        if plain is not None:
            return plain
        if module == "torch" and name in _STORAGES:
            return _StorageKind(_STORAGES[name])
        if (module, name) in _RECORD_NAMES or (module.startswith(_RECORD_MODULES) and name.isidentifier()):
            return type(name, (Record,), {"kind": f"{module}.{name}"})
        raise ModelError(
            f"{self._path}: its pickle names '{module}.{name}', which is neither a tensor, a plain value nor a class "
            "of a YOLO checkpoint; it was not executed"
        )

    def persistent_load(self, key: Any) -> torch.Tensor:
        kind, storage_kind, name, _device, count = key
        if kind != "storage" or not isinstance(storage_kind, _StorageKind) or not str(name).isalnum():
            raise ModelError(f"{self._path}: an unknown reference in the pickle, expected a tensor's storage")
        if name not in self._storages:
            raw = self._archive.read(f"{self._prefix}data/{name}")
            dtype = storage_kind.dtype
            if len(raw) != count * torch.empty(0, dtype=dtype).element_size():
                raise ModelError(f"{self._path}: tensor data {name} has {len(raw)} bytes, expected {count} x {dtype}")
            self._storages[name] = torch.frombuffer(bytearray(raw), dtype=dtype) if raw else torch.empty(0, dtype=dtype)
        return self._storages[name]


class _Fixed:
    """What the pickle is given to call or to name, and must not change."""

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("the pickle changes how it is read")


class _StorageKind(_Fixed):
    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


class _Function(_Fixed):
    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def _rebuild_tensor(storage: torch.Tensor, offset: int, size: tuple, stride: tuple, *_: Any) -> torch.Tensor:
    if not isinstance(storage, torch.Tensor):
        raise ValueError("a tensor without storage")
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if all(size) else offset
    if offset < 0 or min(size, default=0) < 0 or min(stride, default=0) < 0 or last >= max(storage.numel(), 1):
        raise ValueError(f"a tensor of shape {tuple(size)} reaches beyond its data")
    return storage.as_strided(tuple(size), tuple(stride), offset).clone()


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


_DTYPE = type("dtype", (Record,), {"kind": "numpy.dtype"})
_PLAIN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("__builtin__", "set"): set,
    ("builtins", "set"): set,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor_v2"): _Function(_rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): _Function(_rebuild_parameter),
    ("_codecs", "encode"): _Function(_encode),
    ("numpy", "dtype"): _DTYPE,
    ("numpy.core.multiarray", "scalar"): _Function(_numpy_scalar),
    ("numpy._core.multiarray", "scalar"): _Function(_numpy_scalar),
}
