"""ONNX files that would hang or harm their reader are refused with a sentence; sound ones are not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from deploy.wire import onnx_limits
from deploy.wire.onnx_limits import check_model, read_model

ROOT = Path(__file__).resolve().parents[3]
FLOAT = TensorProto.FLOAT


def model(
    nodes: list[onnx.NodeProto],
    sides: list[object] = (1, 3, 8, 8),  # type: ignore[assignment]
    kind: int = FLOAT,
    weights: list[onnx.TensorProto] = (),  # type: ignore[assignment]
    functions: list[onnx.FunctionProto] = (),  # type: ignore[assignment]
) -> onnx.ModelProto:
    value = helper.make_tensor_value_info("x", FLOAT, sides)
    value.type.tensor_type.elem_type = kind
    graph = helper.make_graph(nodes, "g", [value], [helper.make_tensor_value_info("y", FLOAT, None)], weights)
    return helper.make_model(graph, functions=functions, opset_imports=[helper.make_opsetid("", 13)])


def relu(source: str = "x", target: str = "y") -> onnx.NodeProto:
    return helper.make_node("Relu", [source], [target])


def tensor(change: Callable[[onnx.TensorProto], object]) -> onnx.ModelProto:
    made = numpy_helper.from_array(np.zeros((2, 3), np.float32), "w")
    change(made)
    return model([relu()], weights=[made])


def typed() -> onnx.ModelProto:
    return tensor(lambda t: (t.ClearField("raw_data"), t.float_data.extend([1.0, 2.0])))


def outside(location: str) -> onnx.ModelProto:
    def change(made: onnx.TensorProto) -> None:
        external_data_helper.set_external_data(made, location)
        made.ClearField("raw_data")

    return tensor(change)


def part(offset: int, length: int) -> onnx.ModelProto:
    def change(made: onnx.TensorProto) -> None:
        external_data_helper.set_external_data(made, "w.data", offset, length)
        made.ClearField("raw_data")

    return tensor(change)


def nested(depth: int) -> onnx.ModelProto:
    made = helper.make_tensor_value_info("y", FLOAT, None)
    body = helper.make_graph([relu()], "inner", [], [made])
    for _ in range(depth):
        node = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=helper.make_graph([], "e", [], []))
        body = helper.make_graph([node], "inner", [], [made])
    return model(list(body.node), weights=[helper.make_tensor("c", TensorProto.BOOL, [], [True])])


def doubling(count: int) -> onnx.ModelProto:
    """Functions that each call the next one twice: small as a file, and 2^count nodes written out."""
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("own", 1)]
    functions = []
    for number in range(count):
        kind, domain = (f"f{number + 1}", "own") if number + 1 < count else ("Relu", "")
        nodes = [
            helper.make_node(kind, ["a"], ["b"], domain=domain),
            helper.make_node(kind, ["b"], ["c"], domain=domain),
        ]
        functions.append(helper.make_function("own", f"f{number}", ["a"], ["c"], nodes, opsets))
    return model([helper.make_node("f0", ["x"], ["y"], domain="own")], functions=functions)


def calling_itself() -> onnx.ModelProto:
    node = helper.make_node("f", ["a"], ["b"], domain="own")
    function = helper.make_function("own", "f", ["a"], ["b"], [node], [helper.make_opsetid("own", 1)])
    return model([helper.make_node("f", ["x"], ["y"], domain="own")], functions=[function])


def a_list() -> onnx.ModelProto:
    made = model([relu()])
    made.graph.input[0].CopyFrom(helper.make_tensor_sequence_value_info("x", FLOAT, None))
    return made


def twice() -> bytes:
    content = model([relu()]).SerializeToString()
    return content + content


HOSTILE = [
    pytest.param(
        lambda: model([relu("y", "a"), relu("a", "y")]), "runs in a circle: 'a' is computed from 'y'", id="circle"
    ),
    pytest.param(lambda: model([relu("y", "y")]), "runs in a circle", id="a node that reads what it makes"),
    pytest.param(
        lambda: model([relu()], [1, 3, 10**6, 10**6]), "'x' has a side of 1000000, more than 16384", id="wide"
    ),
    pytest.param(lambda: model([relu()], [16384] * 3), "would hold 4398046511104 values", id="many sides"),
    pytest.param(lambda: model([relu()], [1, 3, -1, 8]), "'x' has a side of -1", id="a negative side"),
    pytest.param(lambda: model([relu()], kind=77), "'x' has the element type 77", id="an unknown type of an input"),
    pytest.param(a_list, "'x' is a list or map", id="an input that is a list"),
    pytest.param(
        lambda: tensor(lambda t: setattr(t, "data_type", 99)), "'w' has the element type 99", id="weights' type"
    ),
    pytest.param(lambda: tensor(lambda t: t.dims.__setitem__(0, -2)), "has a side of -2", id="weights' sides"),
    pytest.param(lambda: tensor(lambda t: t.dims.__setitem__(0, 10**9)), "more than 134217728", id="weights' size"),
    pytest.param(lambda: tensor(lambda t: t.dims.__setitem__(0, 4)), "has 24 bytes, expected 48", id="bytes missing"),
    pytest.param(typed, "has fewer values than that", id="values missing"),
    pytest.param(lambda: model([relu("x", str(i)) for i in range(10_001)]), "more than 10000 nodes", id="nodes"),
    pytest.param(lambda: nested(17), "more than 16 deep", id="graphs in graphs"),
    pytest.param(lambda: doubling(16), "written out it has 65536 nodes, more than 10000", id="functions that double"),
    pytest.param(lambda: doubling(200), "more than 16 deep", id="functions inside functions"),
    pytest.param(calling_itself, "'f' calls itself", id="a function that calls itself"),
    pytest.param(twice, "it holds 2 graphs", id="two graphs, which protobuf merges"),
    pytest.param(lambda: outside("gone.data"), "the data of 'w' should be in 'gone.data', which does not", id="lost"),
    pytest.param(lambda: outside("../w.data"), "in the model's own folder", id="the folder above"),
    pytest.param(lambda: outside("sub/../../w.data"), "in the model's own folder", id="the folder above, further in"),
    pytest.param(lambda: outside("/etc/passwd"), "in the model's own folder", id="an absolute path"),
    pytest.param(lambda: outside("C:\\w.data"), "in the model's own folder", id="an absolute path of Windows"),
    pytest.param(lambda: outside("..\\w.data"), "in the model's own folder", id="the folder above, of Windows"),
    pytest.param(lambda: outside("w\0.data"), "in the model's own folder", id="a NUL byte"),
    pytest.param(lambda: outside("link.data"), "a link that leads out", id="a link"),
    pytest.param(lambda: outside("pipe"), "not a regular file", id="a pipe"),
    pytest.param(lambda: outside("."), "in the model's own folder", id="the folder itself"),
    pytest.param(lambda: part(8, 24), "but that file has 24 bytes", id="beyond the end"),
    pytest.param(lambda: part(0, 8), "needs 24 bytes, but", id="too small a part"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    place.mkdir()
    for file in (tmp_path / "w.data", place / "w.data"):
        file.write_bytes(bytes(24))
    (place / "link.data").symlink_to(tmp_path / "w.data")
    os.mkfifo(place / "pipe")
    return place


@pytest.mark.parametrize(("make", "sentence"), HOSTILE)
def test_what_is_refused(folder: Path, make: Callable[[], onnx.ModelProto | bytes], sentence: str) -> None:
    made = make()
    content = made if isinstance(made, bytes) else made.SerializeToString()
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r".") as caught:
        check_model(content, folder)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: model([relu()]), id="one node"),
        pytest.param(lambda: model([relu()], ["batch", 3, None, 0]), id="free sides"),
        pytest.param(lambda: model([relu()], [1, 160_000]), id="a long list of ids, as recommenders take"),
        pytest.param(lambda: model([relu()], [1, 1, 480_000]), id="half a minute of sound"),
        pytest.param(
            lambda: model([relu("a"), relu("x", "a")]), id="nodes in another order, as onnxruntime takes them"
        ),
        pytest.param(lambda: model([relu("gone")]), id="a tensor that nobody makes is for the checker to tell"),
        pytest.param(lambda: nested(10), id="a few graphs in graphs"),
        pytest.param(lambda: doubling(10), id="a few functions"),
        pytest.param(lambda: outside("w.data"), id="weights in a file beside it"),
        pytest.param(lambda: part(0, 24), id="weights in a part of it"),
        pytest.param(
            lambda: model([relu()], weights=[helper.make_tensor("t", TensorProto.STRING, [1], [b"a"])]), id="text"
        ),
        pytest.param(
            lambda: model([relu()], weights=[helper.make_tensor("t", TensorProto.INT4, [3], [1, 2, 3])]), id="int4"
        ),
        pytest.param(
            lambda: model([relu()], weights=[helper.make_tensor("t", TensorProto.INT64, [2], [-1, 2])]), id="int64"
        ),
        pytest.param(lambda: onnx.load(ROOT / "models" / "demo" / "model.onnx"), id="the demo's"),
    ],
)
def test_what_passes(folder: Path, make: Callable[[], onnx.ModelProto]) -> None:
    check_model(make().SerializeToString(), folder)


def test_fields_without_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(onnx_limits, "MOST_PARTS", 1000)
    with pytest.raises(ValueError, match="more than 1000 fields"):
        check_model(model([relu()]).SerializeToString() + b"\x30\x01" * 1000, tmp_path)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.onnx")
    for path in (tmp_path / "m.onnx", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match=r"regular|directory"):
            read_model(path)
