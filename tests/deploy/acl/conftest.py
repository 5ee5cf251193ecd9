"""The stand-in of CANN's module acl, in its place, and bundles with an OM that it takes."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from deploy.acl import device as acl_device
from tests.deploy import stand_in_atc

FILE = Path(__file__).parents[1] / "stand_in_acl.py"


@pytest.fixture
def acl(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module, set up anew. At the end everything has to be given back, and nothing may have been misused."""
    spec = importlib.util.spec_from_file_location("acl", FILE)
    assert spec and spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "acl", module)
    spec.loader.exec_module(module)
    module.set_up()  # type: ignore[attr-defined]
    yield module
    acl_device.give_back()
    assert module.misuses == []  # type: ignore[attr-defined]
    assert module.alive() == []  # type: ignore[attr-defined]
    assert not module.S.initialised  # type: ignore[attr-defined]


@pytest.fixture
def om_bundle(tiny_bundle: Callable[..., Path]) -> Callable[..., Path]:
    """Factory: om_bundle(**settings of stand_in_atc.convert; aipp=False for an OM without) -> the bundle's folder."""

    def build(aipp: bool = True, folder: Path | None = None, **settings: Any) -> Path:
        folder = folder or tiny_bundle()
        file = folder / "aipp.cfg" if aipp else None
        stand_in_atc.convert(folder / "model.onnx", folder / "model.om", file, **settings)
        return folder

    return build
