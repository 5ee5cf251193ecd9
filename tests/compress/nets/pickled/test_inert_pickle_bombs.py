"""Small files that would take hours or all memory: each is refused within a second or two, with one sentence."""

from __future__ import annotations

import io
import pickle
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compress.nets.foreign import import_pt
from compress.nets.pickled.inert_pickle import LONGEST_PICKLE, read_inert
from compress.nets.pickled.record import Record
from deploy.errors import ModelError


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < 10, "seconds; without the bound each of these takes minutes or for ever"


def plain(value: Any) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def zipped(file: Path, pickled: bytes, **more: bytes) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a/data.pkl", pickled)
        for name, content in more.items():
            archive.writestr(f"a/data/{name}", content)
    return file


def repeated_tensor(count: int) -> bytes:
    """A list of `count` tensors over one storage of four values, each a million values by a stride of 0."""
    reference = plain("storage") + b"ctorch\nFloatStorage\n" + plain("0") + plain("cpu") + plain(4)
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((" + reference + b"tQ" + plain(0) + plain((1_000_000,)) + plain((0,))
    tensor += plain(False) + b"ccollections\nOrderedDict\n)R" + b"tR"
    return b"\x80\x02](" + tensor * count + b"e."


KEYS = [plain(1 + i * (2**61 - 1)) for i in range(60_000)]
"""Their hashes are one and the same: each look-up walks past all others."""


def colliding(opcodes: Callable[[list[bytes]], bytes]) -> bytes:
    return b"\x80\x02" + opcodes(KEYS) + b"."


def doubling(levels: int) -> bytes:
    """A tuple of two tuples of two tuples ..., each stored once: its hash takes two to the power of levels steps."""
    return plain(1) + b"\x85" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(levels))


BOMBS = [
    pytest.param(repeated_tensor(200), {"0": bytes(16)}, "repeat their data", id="tensors of stride 0"),
    pytest.param(
        colliding(lambda k: b"}(" + b"N".join([*k, b""]) + b"u"), {}, "a key of type int", id="keys of a dict"
    ),
    pytest.param(colliding(lambda k: b"(" + b"N".join([*k, b""]) + b"d"), {}, "a key of type int", id="a dict at once"),
    pytest.param(
        colliding(lambda k: b"}" + b"".join(one + b"Ns" for one in k)), {}, "a key of type int", id="one key at a time"
    ),
    pytest.param(colliding(lambda k: b"\x8f(" + b"".join(k) + b"\x90"), {}, "a key of type int", id="members of a set"),
    pytest.param(colliding(lambda k: b"(" + b"".join(k) + b"\x91"), {}, "frozen set", id="members of a frozen set"),
    pytest.param(
        colliding(lambda k: b"cbuiltins\nset\n(](" + b"".join(k) + b"etR"),
        {},
        "a key of type int",
        id="a set of a list",
    ),
    pytest.param(
        colliding(lambda k: b"ccollections\nOrderedDict\n(](" + b"".join(one + b"N\x86" for one in k) + b"etR"),
        {},
        "a key of type int",
        id="an ordered mapping of a list",
    ),
    pytest.param(b"\x80\x02}" + doubling(60) + b"Ns.", {}, "a key of type tuple", id="a key of tuples in tuples"),
    pytest.param(b"\x80\x02}(" + plain(tuple(range(100))) + b"Nu.", {}, "a key of type tuple", id="a long key"),
    pytest.param(b"\x80\x02}r\xff\xff\xff\x7f.", {}, None, id="a memory of two thousand million places"),
    pytest.param(b"\x80\x02" + b"]" * 300_000 + b"a" * 299_999 + b".", {}, None, id="lists in lists in lists"),
    pytest.param(bytes(LONGEST_PICKLE + 1), {}, "its pickle has", id="an endless pickle"),
    pytest.param(plain({}) + b".", {"0": bytes(200 * 2**20)}, "unpacks to", id="zeros that a zip file hides"),
]


@pytest.mark.parametrize(("pickled", "storages", "message"), BOMBS)
def test_bombs(refused: Callable, tmp_path: Path, pickled: bytes, storages: dict, message: str | None) -> None:
    file = zipped(tmp_path / "x.pt", pickled, **storages)
    if message is None:  # harmless once it is read in steps
        read_inert(file)
    else:
        assert message in refused(file)


def test_an_expanded_tensor_of_an_honest_file_comes_back(tmp_path: Path) -> None:
    """YOLOv5 keeps grids of stride 0 in its head."""
    torch.save({"grid": torch.arange(3.0).view(1, 3, 1, 1).expand(1, 3, 80, 80)}, tmp_path / "x.pt")
    assert torch.equal(read_inert(tmp_path / "x.pt")["grid"][0, :, 5, 7], torch.arange(3.0))


MODEL = b"cmodels.yolo\nModel\n)\x81"


def shared_modules(levels: int) -> bytes:
    """A model whose module holds one module twice, which holds one twice, and so on."""
    inner = MODEL + plain({"_modules": {}}) + b"b"
    for i in range(levels):
        kept = b"q" + bytes([i])
        inner += kept + b"0" + MODEL + b"}" + plain("_modules") + b"}(" + plain("a") + b"h" + bytes([i])
        inner += plain("b") + b"h" + bytes([i]) + b"usb"
    return inner


def doubled_yaml(levels: int) -> bytes:
    inner = b"]"
    for i in range(levels):
        inner += b"q" + bytes([i]) + b"0](h" + bytes([i]) + b"h" + bytes([i]) + b"e"
    return MODEL + b"}" + plain("yaml") + inner + b"sb"


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(shared_modules(50), id="modules shared a thousand million times"),
        pytest.param(doubled_yaml(50), id="an architecture that doubles with each level"),
        pytest.param(MODEL + b"}" + plain("yaml") + b"]" * 5000 + b"a" * 4999 + b"sb", id="an architecture too deep"),
    ],
)
def test_what_is_shared_without_end_is_refused(write_pt: Callable, tmp_path: Path, model: bytes) -> None:
    file = write_pt(tmp_path / "x.pt", b"\x80\x02}" + plain("model") + model + b"s.")
    with pytest.raises(ModelError, match="contain each other"):
        import_pt(file)


@pytest.mark.parametrize(
    "name", ["get", "items", "values", "kind", "attributes", "class_name", "__class__", "__dict__"]
)
def test_an_attribute_hides_nothing(write_pt: Callable, refused: Callable, tmp_path: Path, name: str) -> None:
    """Neither of a mapping, whose `get` the reading needs, nor of a record."""
    state = plain({name: 3, "yaml": 7})
    mapping = b"ccollections\nOrderedDict\n)R" + state + b"b"
    found = read_inert(write_pt(tmp_path / "a.pt", b"\x80\x02" + mapping + b"."))
    assert isinstance(found, OrderedDict) and found.get("a", 1) == 1 and list(found.items()) == []
    record = read_inert(write_pt(tmp_path / "b.pt", b"\x80\x02" + MODEL + state + b"b."))
    assert isinstance(record, Record) and record.kind == "models.yolo.Model" and record.yaml == 7
    for content in (mapping, b"}" + plain("model") + MODEL + state + b"bs"):
        with pytest.raises(ModelError, match=r"holds no model|the architecture is int"):
            import_pt(write_pt(tmp_path / "c.pt", b"\x80\x02" + content + b"."))


def test_the_tests_above_are_no_honest_files(tmp_path: Path) -> None:
    content = {"epoch": 3, "state": {0: {"step": torch.tensor(2.0)}}, (8, 16): 1, "ids": {1, 2}, "best": np.float64(1)}
    stream = io.BytesIO()
    torch.save(content, stream)
    (tmp_path / "x.pt").write_bytes(stream.getvalue())
    assert read_inert(tmp_path / "x.pt").keys() == content.keys()
