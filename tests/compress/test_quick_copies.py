"""The copies of networks that the tests work with are those that copy.deepcopy makes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from compress.nets.yolov8 import AnchorFree
from tests.compress.quick_copies import quick_copy


class Tangled(nn.Module):
    """A layer and a buffer under two names each, lists, a hook."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 2, 1)
        self.again = self.first
        self.register_buffer("table", torch.arange(3.0))
        self.register_buffer("nothing", None)
        self.plain = self.table
        self.widths: list[list[int]] = [[1, 2], []]
        self.first.register_forward_hook(lambda layer, given, output: output + 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.first(x)


def structure(value: Any, seen: dict[int, int]) -> Any:
    """What a network is made of, each part with the number under which it was first met, so that shared parts show."""
    number = seen.setdefault(id(value), len(seen)) if isinstance(value, (nn.Module, torch.Tensor)) else None
    if isinstance(value, nn.Module):
        if number is not None and number < len(seen) - 1:
            return number
        return number, type(value), [(key, structure(entry, seen)) for key, entry in value.__dict__.items()]
    if isinstance(value, torch.Tensor):
        return number, type(value), value.dtype, value.requires_grad, value.tolist()
    if isinstance(value, dict):
        return type(value), [(key, structure(entry, seen)) for key, entry in value.items()]
    if isinstance(value, (list, tuple, set)):
        return type(value), [structure(entry, seen) for entry in value]
    return value


def containers(value: Any) -> list[int]:
    """The identities of everything in it that can change."""
    if isinstance(value, nn.Module):
        return [id(value), *(found for entry in value.__dict__.values() for found in containers(entry))]
    if isinstance(value, dict):
        return [id(value), *(found for entry in value.values() for found in containers(entry))]
    if isinstance(value, (list, set)):
        return [id(value), *(found for entry in value for found in containers(entry))]
    return [value.data_ptr()] if isinstance(value, torch.Tensor) and value.numel() else []


@pytest.mark.parametrize("kind", ["a detector", "shared parts and a hook"])
def test_copies_are_alike(kind: str, tiny_free: Callable[..., AnchorFree], monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_free("few-26") if kind == "a detector" else Tangled()
    quick = copy.deepcopy(network)
    assert nn.Module.__deepcopy__ is quick_copy  # type: ignore[attr-defined]
    monkeypatch.delattr(nn.Module, "__deepcopy__")
    assert structure(quick, {}) == structure(copy.deepcopy(network), {}) == structure(network, {})
    assert not set(containers(quick)) & set(containers(network)), "nothing is shared with what was copied"
