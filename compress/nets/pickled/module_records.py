"""Walks the records of a checkpoint's modules: their tensors, their kinds and the architecture they were built from."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from typing import Any

import torch

from compress.nets.pickled.record import Record
from deploy.errors import ModelError

_MOST = 100_000  # modules and tensors: yolov8x has 1,500; records that share others a thousandfold have no end
_MOST_VALUES = 20_000  # of an architecture
_DEEPEST = 60
_WRAPPERS = (
    "torch.nn.parallel.data_parallel.DataParallel",
    "torch.nn.parallel.distributed.DistributedDataParallel",
    "torch.optim.swa_utils.AveragedModel",
)


class _Bound:
    """Counts down what a walk meets, for a file can share one thing so often that no walk through it ends."""

    def __init__(self, most: int, what: str) -> None:
        self._left, self._what = most, what

    def step(self, depth: int) -> None:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise ModelError(f"{self._what} contain each other, expected a checkpoint of YOLO")


def unwrapped(value: Any) -> Any:
    """The model inside DataParallel, DistributedDataParallel, AveragedModel and ModelEMA; anything else as it is."""
    for _ in range(_DEEPEST):
        if not isinstance(value, Record):
            break
        if value.class_name == "ModelEMA":
            value = value.attributes.get("ema")
        elif value.kind in _WRAPPERS:
            modules = value.attributes.get("_modules")
            value = modules.get("module") if isinstance(modules, dict) else None
        else:
            break
    return value


def tensors_of(model: Record) -> dict[str, torch.Tensor]:
    """Parameters and buffers by their path, as in a state_dict. Raises ModelError for records without end."""
    return dict(_tensors(model, "", 0, _Bound(_MOST, "its modules")))


def _tensors(record: Record, prefix: str, depth: int, bound: _Bound) -> Iterator[tuple[str, torch.Tensor]]:
    bound.step(depth)
    for part in ("_parameters", "_buffers", "_modules"):
        table = record.attributes.get(part)
        for name, value in table.items() if isinstance(table, dict) else ():
            if isinstance(value, torch.Tensor):
                bound.step(depth)
                yield f"{prefix}{name}", value
            elif isinstance(value, Record):
                yield from _tensors(value, f"{prefix}{name}.", depth + 1, bound)


def modules_of(model: Record) -> dict[str, Record]:
    """The modules by their path, without the model itself. Raises ModelError for records without end."""
    return dict(_modules(model, "", 0, _Bound(_MOST, "its modules")))


def _modules(record: Record, prefix: str, depth: int, bound: _Bound) -> Iterator[tuple[str, Record]]:
    bound.step(depth)
    table = record.attributes.get("_modules")
    for name, value in table.items() if isinstance(table, dict) else ():
        if isinstance(value, Record):
            yield f"{prefix}{name}", value
            yield from _modules(value, f"{prefix}{name}.", depth + 1, bound)


def plain(value: Any) -> Any:
    """An architecture as JSON can hold it: tuples become lists, and classes their names.

    Raises ModelError for one without end.
    """
    return _plain(value, 0, _Bound(_MOST_VALUES, "the values of its architecture"))


def _plain(value: Any, depth: int, bound: _Bound) -> Any:
    bound.step(depth)
    if isinstance(value, dict):
        return {str(key): _plain(entry, depth + 1, bound) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry, depth + 1, bound) for entry in value]
    if isinstance(value, type) and issubclass(value, Record):  # the forks that prune write classes, not names
        return value.__name__
    return value


def class_names(names: Any, classes: int) -> list[str]:
    """The names of the classes, from a list or from a mapping of numbers; names that are numbers become text.

    Raises ModelError where they are not as many as the head has classes.
    """
    if isinstance(names, dict):
        numbered = {int(key) if _is_number(key) else key: name for key, name in names.items()}
        names = [numbered.get(i) for i in range(len(numbered))]
    listed = list(names) if isinstance(names, (list, tuple)) else []
    if len(listed) != classes or not all(_is_name(name) for name in listed):
        raise ModelError(f"has {classes} classes in its head but the names {reprlib.repr(names)}")
    return [str(name) for name in listed]


def _is_number(key: Any) -> bool:
    return isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 10


def _is_name(name: Any) -> bool:
    if isinstance(name, str):
        return not any("\ud800" <= letter <= "\udfff" for letter in name)
    return isinstance(name, int) and not isinstance(name, bool) and abs(name) < 10**9
