"""Pickles with code in them: every opcode that can call or change something is refused, and nothing runs."""

from __future__ import annotations

import copyreg
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compress.nets.pickled.inert_pickle import read_inert
from compress.nets.pickled.record import Record


def plain(value: Any) -> bytes:
    """The opcodes that put a plain value on the stack."""
    return pickle.dumps(value, 2)[2:-1]


def name_it(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def by_reduce(module: str, name: str, arguments: tuple) -> bytes:
    return name_it(module, name) + plain(arguments) + b"R."


def by_newobj(module: str, name: str, arguments: tuple) -> bytes:
    return b"\x80\x02" + name_it(module, name) + plain(arguments) + b"\x81."


def by_newobj_ex(module: str, name: str, arguments: tuple) -> bytes:
    return b"\x80\x04" + name_it(module, name) + plain(arguments) + plain({}) + b"\x92."


def by_inst(module: str, name: str, arguments: tuple) -> bytes:
    return b"(" + b"".join(map(plain, arguments)) + f"i{module}\n{name}\n.".encode()


def by_obj(module: str, name: str, arguments: tuple) -> bytes:
    return b"(" + name_it(module, name) + b"".join(map(plain, arguments)) + b"o."


def by_stack_global(module: str, name: str, arguments: tuple) -> bytes:
    return b"\x80\x04" + plain(module) + plain(name) + b"\x93" + plain(arguments) + b"R."


def by_build(module: str, name: str, arguments: tuple) -> bytes:
    """A record whose state asks for a method of our own choosing."""
    state = b"}" + plain("__setstate__") + name_it(module, name) + b"s"
    return name_it("models.yolo", "Model") + b")R" + state + b"b" + plain(arguments[0]) + b"b."


def nested(module: str, name: str, arguments: tuple) -> bytes:
    """Deep inside a checkpoint that looks honest."""
    inner = b"]" + by_reduce(module, name, arguments)[:-1] + b"a"
    return b"}" + plain("epoch") + plain(3) + b"s" + plain("model") + inner + b"s."


OPCODES = [by_reduce, by_newobj, by_newobj_ex, by_inst, by_obj, by_stack_global, by_build, nested]
SHELL = 'echo done > "{marker}"'
PYTHON = "open({marker!r}, 'w').close()"
CALLABLES = [
    ("os", "system", SHELL),
    ("posix", "system", SHELL),
    ("nt", "system", SHELL),
    ("subprocess", "Popen", SHELL),
    ("builtins", "eval", PYTHON),
    ("builtins", "exec", PYTHON),
    ("__builtin__", "eval", PYTHON),  # the name that protocol 2 maps to builtins
    ("builtins", "getattr", "x"),
    ("builtins", "open", "{marker}"),
    ("functools", "partial", "x"),
    ("importlib", "import_module", "x"),
    ("operator", "attrgetter", "x"),
    ("pickle", "loads", "x"),
    ("torch", "load", "{marker}"),
    ("torch.hub", "load", "x"),
    ("torch.storage", "_load_from_bytes", "x"),
    ("torch._utils", "_rebuild_device_tensor_from_numpy", "x"),  # beside the rebuilders that are known
    ("numpy", "load", "{marker}"),
    ("numpy.testing._private.utils", "runstring", PYTHON),
    ("models", "system", "x"),  # the package itself is no module of YOLOv5
    ("torch.nn", "Module", "x"),
]


@pytest.mark.parametrize("opcode", OPCODES)
@pytest.mark.parametrize(("module", "name", "argument"), CALLABLES, ids=lambda v: v if len(v) < 24 else "")
def test_pickle_with_code_is_refused(
    write_pt: Callable, refused: Callable, tmp_path: Path, opcode: Callable, module: str, name: str, argument: str
) -> None:
    marker = tmp_path / "marker"
    pickled = opcode(module, name, (argument.format(marker=str(marker)),))
    sentence = refused(write_pt(tmp_path / "evil.pt", pickled))
    assert f"names '{module}.{name}'" in sentence or f"names 'builtins.{name}'" in sentence
    assert "not executed" in sentence
    assert not marker.exists()


@pytest.mark.skipif(os.name != "posix", reason="the shell command is POSIX's")
@pytest.mark.parametrize("opcode", [by_reduce, by_inst, by_obj, by_stack_global, nested])
def test_attacks_are_real(tmp_path: Path, opcode: Callable) -> None:
    """Python's own reader does what these pickles say; without this the tests above could pass for nothing."""
    marker = tmp_path / "marker"
    pickle.loads(opcode("os", "system", (SHELL.format(marker=marker),)))
    assert marker.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("models.yolo", "Model.__init__.__globals__"),  # protocol 4 follows dots
        ("torch.nn.modules.module", "torch.os.system"),
        ("utils.general", "os.system"),
        ("collections", "OrderedDict.fromkeys"),
    ],
)
def test_dotted_name_is_refused(write_pt: Callable, refused: Callable, tmp_path: Path, module: str, name: str) -> None:
    assert f"names '{module}.{name}'" in refused(write_pt(tmp_path / "x.pt", by_stack_global(module, name, ("x",))))


@pytest.mark.parametrize("opcode", [by_reduce, by_newobj, by_newobj_ex, by_inst, by_obj])
def test_name_in_a_module_of_yolov5_is_never_imported(write_pt: Callable, tmp_path: Path, opcode: Callable) -> None:
    """`utils` and `models` may well be importable where this runs; they only ever become records."""
    folder = tmp_path / "utils"
    folder.mkdir()
    (folder / "__init__.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w').close()", encoding="utf-8")
    found = read_inert(write_pt(tmp_path / "x.pt", opcode("utils.general", "run", ("rm", 1))))
    assert isinstance(found, Record)
    assert found.kind == "utils.general.run"
    assert not (tmp_path / "marker").exists()


@pytest.fixture
def extension() -> Iterator[int]:
    copyreg.add_extension("os", "system", 0x7F)
    yield 0x7F
    copyreg.remove_extension("os", "system", 0x7F)


@pytest.mark.parametrize("used_before", [False, True])
def test_registered_extension_code_is_refused(
    write_pt: Callable, refused: Callable, tmp_path: Path, extension: int, used_before: bool
) -> None:
    if used_before:  # the process then answers from its cache
        assert pickle.loads(bytes([0x80, 2, 0x82, extension]) + b".") is os.system
    marker = tmp_path / "marker"
    pickled = bytes([0x80, 2, 0x82, extension]) + plain((f'echo > "{marker}"',)) + b"R."
    assert "names 'os.system'" in refused(write_pt(tmp_path / "x.pt", pickled))
    assert not marker.exists()


def test_unregistered_extension_code_is_refused(write_pt: Callable, refused: Callable, tmp_path: Path) -> None:
    assert "unregistered extension" in refused(write_pt(tmp_path / "x.pt", b"\x80\x02\x82\x7e."))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_parameter"),
        ("_codecs", "encode"),
        ("numpy.core.multiarray", "scalar"),
        ("torch", "FloatStorage"),
        ("collections", "OrderedDict"),
        ("numpy", "dtype"),
        ("models.yolo", "Model"),
    ],
)
@pytest.mark.parametrize("slots", [True, False])
def test_pickle_cannot_change_what_it_is_given(
    write_pt: Callable, refused: Callable, tmp_path: Path, module: str, name: str, slots: bool
) -> None:
    """BUILD sets attributes of anything on the stack, so also of functions and classes of this process."""
    state = (None, {"__defaults__": (1,), "changed": 1, "dtype": 1}) if slots else {"changed": 1}
    refused(write_pt(tmp_path / "x.pt", name_it(module, name) + plain(state) + b"b."))
    torch.save({"w": torch.ones(2), "fitness": np.float64(0.5)}, tmp_path / "honest.pt")
    assert read_inert(tmp_path / "honest.pt") == {"w": pytest.approx(torch.ones(2)), "fitness": 0.5}
