"""A `.pt` is read without running its pickle: damaged files, tensors that lie, and what honest files hold."""

from __future__ import annotations

import argparse
import datetime
import io
import os
import pathlib
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from compress.nets.pickled.inert_pickle import read_inert
from compress.nets.pickled.record import Record


def write_torch(file: Path, content: Any, **options: Any) -> Path:
    torch.save(content, file, **options)
    return file


def legacy_tar(file: Path) -> None:
    with tarfile.open(file, "w") as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())


def two_pickles(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("a", "b"):
            archive.writestr(f"{name}/data.pkl", pickle.dumps({}))


def bad_checksum(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": "b" * 100}))
    content = bytearray(file.read_bytes())
    content[content.index(b"bbbb")] ^= 1
    file.write_bytes(bytes(content))


def bad_compression(file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": "b" * 1000}))
    content = bytearray(file.read_bytes())
    content[50:54] = b"\xff\xff\xff\xff"
    file.write_bytes(bytes(content))


DAMAGED = [
    pytest.param(lambda f: f.write_bytes(f.read_bytes()[:-40]), "not a zip file, or a truncated one", id="truncated"),
    pytest.param(lambda f: f.write_bytes(f.read_bytes()[:300]), "not a zip file, or a truncated one", id="cut early"),
    pytest.param(lambda f: f.write_bytes(b""), "is empty", id="empty"),
    pytest.param(lambda f: f.write_text("weights"), "not a zip file", id="text"),
    pytest.param(lambda f: f.unlink(), "no such file", id="missing"),
    pytest.param(lambda f: (f.unlink(), f.mkdir()), "is a folder", id="a folder"),
    pytest.param(lambda f: (f.unlink(), os.mkfifo(f)), "it is not a regular file", id="a pipe"),
    pytest.param(lambda f: (f.unlink(), f.symlink_to("/dev/zero")), "it is not a regular file", id="a device"),
    pytest.param(legacy_tar, "not a zip file", id="PyTorch before 0.1.10 wrote a tar"),
    pytest.param(
        lambda f: write_torch(f, {"a": torch.ones(2)}, _use_new_zipfile_serialization=False),
        "PyTorch's form before 1.6",
        id="PyTorch before 1.6 wrote no zip",
    ),
    pytest.param(lambda f: zipfile.ZipFile(f, "w").close(), "holds no data.pkl", id="an empty zip"),
    pytest.param(two_pickles, "holds no data.pkl", id="two pickles"),
    pytest.param(bad_checksum, "not a zip file, or a truncated one", id="a wrong checksum"),
    pytest.param(bad_compression, "", id="broken compression"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGED)
def test_damaged_file_is_refused(
    refused: Callable, tmp_path: Path, damage: Callable[[Path], Any], message: str
) -> None:
    file = write_torch(tmp_path / "x.pt", {"a": torch.ones(200)})
    damage(file)
    assert message in refused(file)


@pytest.mark.parametrize(
    "pickled",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x80\x02}q", id="a pickle that ends early"),
        pytest.param(b"\x80\x63.", id="a protocol to come"),
        pytest.param(b"garbage", id="no pickle"),
        pytest.param(b".", id="nothing on the stack"),
        pytest.param(b"}](K\x01eNs.", id="a key that cannot be one"),
        pytest.param(b"K\x01)R.", id="a number that is called"),
        pytest.param(b"h\x05.", id="a memory that was never written"),
    ],
)
def test_broken_pickle_is_refused(write_pt: Callable, refused: Callable, tmp_path: Path, pickled: bytes) -> None:
    assert "the checkpoint cannot be read" in refused(write_pt(tmp_path / "x.pt", pickled))


class Storage:
    def __init__(self, kind: type, name: str, count: Any) -> None:
        self.key = ("storage", kind, name, "cpu", count)


class Tensor:
    def __init__(self, storage: Any, *geometry: Any) -> None:
        self.parts = (storage, *geometry, False, OrderedDict())

    def __reduce__(self) -> Any:
        return torch._utils._rebuild_tensor_v2, self.parts


class Writer(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return value.key if isinstance(value, Storage) else None


def tensor_pickle(content: Any) -> bytes:
    stream = io.BytesIO()
    Writer(stream, 2).dump(content)
    return stream.getvalue()


FLOATS = Storage(torch.FloatStorage, "0", 4)
FOUR = np.arange(4, dtype=np.float32).tobytes()


def test_hand_made_tensor_is_read(write_pt: Callable, tmp_path: Path) -> None:
    found = read_inert(write_pt(tmp_path / "x.pt", tensor_pickle(Tensor(FLOATS, 1, (2,), (2,))), **{"0": FOUR}))
    assert found.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            Tensor(Storage(torch.FloatStorage, "0", 5), 0, (4,), (1,)), "has 16 bytes, expected 5", id="short"
        ),
        pytest.param(
            Tensor(Storage(torch.DoubleStorage, "0", 4), 0, (4,), (1,)), "expected 4 x torch.float64", id="wider type"
        ),
        pytest.param(Tensor(Storage(torch.FloatStorage, "1", 4), 0, (4,), (1,)), "data/1", id="a storage not there"),
        pytest.param(Tensor(Storage(torch.FloatStorage, "../0", 4), 0, (4,), (1,)), "unknown reference", id="a path"),
        pytest.param(Tensor(FLOATS, 0, (5,), (1,)), "beyond its data", id="more values than stored"),
        pytest.param(Tensor(FLOATS, 1, (4,), (1,)), "beyond its data", id="an offset too far"),
        pytest.param(Tensor(FLOATS, -1, (2,), (1,)), "beyond its data", id="a negative offset"),
        pytest.param(Tensor(FLOATS, 0, (2, 2), (3, 1)), "beyond its data", id="strides too far"),
        pytest.param(Tensor(FLOATS, 3, (2,), (-1,)), "beyond its data", id="a negative stride"),
        pytest.param(Tensor(FLOATS, 0, (-4,), (1,)), "beyond its data", id="a negative size"),
        pytest.param(Tensor(FLOATS, 0, (2, 2), (1,)), "cannot be read", id="a size and a stride that disagree"),
        pytest.param(Tensor(FLOATS, 0, ("4",), (1,)), "cannot be read", id="a size that is text"),
        pytest.param(Tensor(FLOATS, 0, (2**60,), (0,)), "cannot be read", id="a size beyond any memory"),
        pytest.param(Tensor([1, 2], 0, (2,), (1,)), "without storage", id="a list for a storage"),
    ],
)
def test_tensor_that_is_not_what_it_says_is_refused(
    write_pt: Callable, refused: Callable, tmp_path: Path, content: Tensor, message: str
) -> None:
    assert message in refused(write_pt(tmp_path / "x.pt", tensor_pickle({"w": content}), **{"0": FOUR}))


def test_value_of_an_empty_storage_is_refused(write_pt: Callable, refused: Callable, tmp_path: Path) -> None:
    content = Tensor(Storage(torch.FloatStorage, "0", 0), 0, (), ())
    assert "cannot be read" in refused(write_pt(tmp_path / "x.pt", tensor_pickle(content), **{"0": b""}))


@pytest.mark.parametrize("reference", [("storage",), "0", ("module", 1, "0", "cpu", 4)])
def test_unknown_reference_is_refused(write_pt: Callable, refused: Callable, tmp_path: Path, reference: Any) -> None:
    storage = Storage(torch.FloatStorage, "0", 4)
    storage.key = reference
    refused(write_pt(tmp_path / "x.pt", tensor_pickle(storage), **{"0": FOUR}))


@pytest.mark.parametrize(
    "dtype",
    [
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
    ],
)
def test_tensors_of_all_types_come_back(tmp_path: Path, dtype: torch.dtype) -> None:
    whole = (torch.arange(24).reshape(4, 6) % 2).to(dtype)
    content = {
        "whole": whole,
        "transposed": whole.T,
        "part": whole[1:, 2:4],
        "scalar": whole[0, 1],
        "empty": whole[:0],
        "parameter": nn.Parameter(whole, requires_grad=False),
    }
    found = read_inert(write_torch(tmp_path / "x.pt", content))
    for key, value in content.items():
        assert found[key].dtype == dtype and torch.equal(found[key], value), key


def test_tensors_that_share_data_are_separated(tmp_path: Path) -> None:
    whole = torch.zeros(4)
    found = read_inert(write_torch(tmp_path / "x.pt", [whole, whole[:2]]))
    found[0].fill_(1)
    assert found[1].tolist() == [0, 0]


def test_plain_values_of_a_checkpoint_come_back(tmp_path: Path) -> None:
    content = {
        "epoch": 3,
        "fitness": np.float64(0.25),
        "count": np.int64(7),
        "date": "2024-01-01",
        "tags": {"a", "b"},
        "size": torch.Size([1, 2]),
        "nothing": None,
        "bytes": b"\x00\xff",
        "order": OrderedDict(a=1),
    }
    found = read_inert(write_torch(tmp_path / "x.pt", content))
    assert found == {**content, "fitness": 0.25, "count": 7, "size": (1, 2)}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(pathlib.PurePosixPath("runs/exp"), id="a path of POSIX"),
        pytest.param(pathlib.PureWindowsPath("runs/exp"), id="a path of Windows"),
        pytest.param(argparse.Namespace(lr=0.1), id="the command line's options"),
        pytest.param(datetime.datetime(2024, 1, 2), id="a date"),
        pytest.param(torch.device("cpu"), id="a device"),
        pytest.param(np.array([0.5]), id="the best fitness of a training that was not finished"),
        pytest.param(nn.Linear(1, 1), id="a layer of PyTorch"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_objects_of_a_checkpoint_become_records(tmp_path: Path, value: Any, protocol: int) -> None:
    found = read_inert(write_torch(tmp_path / "x.pt", {"x": value}, pickle_protocol=protocol))["x"]
    assert isinstance(found, Record) and found.kind.rpartition(".")[2] in (type(value).__name__, "_reconstruct")


def test_path_as_python_3_13_names_it_becomes_a_record(write_pt: Callable, tmp_path: Path) -> None:
    found = read_inert(write_pt(tmp_path / "x.pt", b"cpathlib._local\nPosixPath\n(S'runs'\nS'exp'\ntR."))
    assert found.arguments == ("runs", "exp")


def test_record_keeps_attributes_and_arguments(tmp_path: Path) -> None:
    layer = nn.Conv2d(1, 2, 3)
    layer.note = "kept"
    record = read_inert(write_torch(tmp_path / "x.pt", layer))
    assert record.kind == "torch.nn.modules.conv.Conv2d"
    assert record.note == "kept" and record.kernel_size == (3, 3)
    assert torch.equal(record._parameters["weight"], layer.weight)


def test_state_that_renames_the_class_stays_a_record(write_pt: Callable, tmp_path: Path) -> None:
    state = pickle.dumps({"__class__": "builtins.int", "__dict__": {}, "x": 1}, 2)[2:-1]
    pickled = b"cmodels.yolo\nModel\n)R" + state + b"b."
    assert type(read_inert(write_pt(tmp_path / "x.pt", pickled))).__mro__[1] is Record
