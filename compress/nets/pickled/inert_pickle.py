"""Reads a PyTorch `.pt` (a zip of tensors around a pickle) without running any of the pickle's code.

A pickle can name any callable and have it called. Here a name is only ever looked up in a table of our own: tensors
are rebuilt by our code, known classes become inert records that hold their attributes, and any other name ends the
reading. File layout: PyTorch, torch/serialization.py (zip form since 1.6). What torch.load(weights_only=True) does
instead, and why it does not suffice, is in docs/adr/0030.
"""

from __future__ import annotations

import copyreg
import errno
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch

from compress.nets.pickled.inert_values import (
    REBUILD_TENSOR,
    Function,
    StorageKind,
    checked_key,
    known_name,
    rebuild_tensor,
)
from compute_mAP.regular_file import IrregularFile, open_regular
from deploy.errors import ModelError

LONGEST_PICKLE = 16 * 2**20
"""Bytes; the largest published YOLO checkpoints have 0.2 MB around their tensors, unfinished trainings some MB."""
_SPARE = 2**26  # bytes that small files may unpack to
_BEFORE_ZIP = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # the pickled magic number 0x1950a86a20f9469cfc6c
_GROWTH = 20  # and times the file's size that others may


def read_inert(path: str | Path) -> Any:
    """The object a `.pt` holds, with tensors on the CPU, plain values, and `Record`s in place of class instances.

    Raises ModelError when the file is missing, truncated, not PyTorch's zip form, names anything but tensors, plain
    values and known classes, or unpacks to much more than its size.
    """
    path = Path(path)
    # an extension code that this process has used before would be answered without asking find_class
    copyreg.clear_extension_cache()
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            pickles = [n for n in names if n.count("/") == 1 and n.endswith("/data.pkl")]
            if any(name.endswith("/constants.pkl") for name in names):
                raise ModelError(f"{path}: a TorchScript program; give the .pt that it was exported from")
            if len(pickles) != 1:
                raise ModelError(f"{path}: holds no data.pkl, expected a PyTorch checkpoint")
            _check_size(path, archive, pickles[0])
            reader = _Reader(path, archive, pickles[0].removesuffix("data.pkl"))
            return reader.load()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except IrregularFile as error:
        found = "is a folder" if error.errno == errno.EISDIR else error.strerror
        raise ModelError(f"{path}: {found}, expected a checkpoint file") from None
    except zipfile.BadZipFile:
        raise ModelError(f"{path}: {_no_zip(path)}") from None
    except ModelError:
        raise
    except Exception as error:  # a hostile pickle chooses which of zipfile's, pickle's and torch's errors it meets
        reason = (str(error).splitlines() or [""])[0]
        raise ModelError(f"{path}: the checkpoint cannot be read ({type(error).__name__}: {reason})") from None


def _no_zip(path: Path) -> str:
    """What a file that is no zip file is, where its first bytes say so."""
    with open_regular(path) as file:
        start = file.read(64)
    if not start:
        return "is empty, expected a checkpoint"
    if start.startswith(_BEFORE_ZIP):
        return "in PyTorch's form before 1.6; load it with the code that wrote it and save it again by torch.save"
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS and not the file itself; fetch that by git lfs pull"
    if start.lstrip()[:1] == b"<":
        return "a web page and no checkpoint; download the file itself"
    if start[8:9] == b"{":
        return "looks like a safetensors file; name it .safetensors"
    return "not a zip file, or a truncated one; expected a checkpoint that PyTorch 1.6 or later has saved"


def _allowance(path: Path) -> int:
    """Bytes that a file may unpack to, and its tensors may take: a checkpoint is stored as it is."""
    return _SPARE + _GROWTH * path.stat().st_size


def _check_size(path: Path, archive: zipfile.ZipFile, pickled: str) -> None:
    size = archive.getinfo(pickled).file_size
    if size > LONGEST_PICKLE:
        raise ModelError(f"{path}: its pickle has {size} bytes, expected at most {LONGEST_PICKLE}")
    whole = sum(entry.file_size for entry in archive.infolist())
    if whole > _allowance(path):
        raise ModelError(f"{path}: unpacks to {whole} bytes, expected at most {_allowance(path)} of such a file")


class _Reader(pickle._Unpickler):
    """Every call and every attribute that the pickle asks for meets only what `find_class` gave out.

    This is Python's own reader written in Python, whose steps can be watched: its keys are checked, and its memory is
    a mapping, not an array as long as the file likes.
    """

    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def __init__(self, path: Path, archive: zipfile.ZipFile, prefix: str) -> None:
        self._pickled = archive.read(prefix + "data.pkl")
        super().__init__(io.BytesIO(self._pickled), encoding="utf-8")
        self._path, self._archive, self._prefix = path, archive, prefix
        self._storages: dict[str, torch.Tensor] = {}
        self._left = _allowance(path)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == REBUILD_TENSOR:
            return Function(self._tensor)
        known = known_name(module, name)
        if known is not None:
            return known
        if name == "getattr" and b"forward_fuse" in self._pickled:
            raise ModelError(
                f"{self._path}: the model is fused: its batch norms are merged into the convolutions and cannot be "
                "taken out again; give the unfused best.pt"
            )
        if (module, name) == ("ultralytics.models.yolo.model", "YOLO"):
            raise ModelError(f"{self._path}: the object YOLO as a whole; write it by its own YOLO.save(FILE)")
        script = "; the script that saved it defined that class itself" if module == "__main__" else ""
        raise ModelError(
            f"{self._path}: its pickle names '{module}.{name}', which is neither a tensor, a plain value nor a class "
            f"of a YOLO checkpoint; it was not executed{script}"
        )

    def persistent_load(self, key: Any) -> torch.Tensor:
        kind, storage_kind, name, _device, count = key
        if kind != "storage" or not isinstance(storage_kind, StorageKind) or not str(name).isalnum():
            raise ModelError(f"{self._path}: an unknown reference in the pickle, expected a tensor's storage")
        if name not in self._storages:
            raw = self._archive.read(f"{self._prefix}data/{name}")
            dtype = storage_kind.dtype
            if len(raw) != count * torch.empty(0, dtype=dtype).element_size():
                raise ModelError(f"{self._path}: tensor data {name} has {len(raw)} bytes, expected {count} x {dtype}")
            self._storages[name] = torch.frombuffer(bytearray(raw), dtype=dtype) if raw else torch.empty(0, dtype=dtype)
        return self._storages[name]

    def _tensor(self, *parts: Any) -> torch.Tensor:
        """A tensor of its own; those that share a storage, or repeat a value, take more memory than the file."""
        view = rebuild_tensor(*parts)
        self._left -= view.numel() * view.element_size()
        if self._left < 0:
            raise ValueError(f"its tensors repeat their data until they take more than {_GROWTH} times the file's size")
        return view.clone()

    def _setitem(self) -> None:
        checked_key(self.stack[-2])
        super().load_setitem()  # type: ignore[misc]

    def _setitems(self) -> None:
        for key in self.stack[::2]:
            checked_key(key)
        super().load_setitems()  # type: ignore[misc]

    def _dict(self) -> None:
        for key in self.stack[::2]:
            checked_key(key)
        super().load_dict()  # type: ignore[misc]

    def _additems(self) -> None:
        for entry in self.stack:
            checked_key(entry)
        super().load_additems()  # type: ignore[misc]

    def _frozenset(self) -> None:
        raise ValueError("a frozen set, which no checkpoint needs")

    _watched: ClassVar[tuple[tuple[bytes, Callable[..., None]], ...]] = (
        (pickle.SETITEM, _setitem),
        (pickle.SETITEMS, _setitems),
        (pickle.DICT, _dict),
        (pickle.ADDITEMS, _additems),
        (pickle.FROZENSET, _frozenset),
    )
    for _code, _step in _watched:
        dispatch[_code[0]] = _step
