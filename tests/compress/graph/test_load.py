"""What opens, and what ends with a sentence: files, graphs that grow without limit, graphs that do not end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compress.cost.onnx_work import work_of
from compress.graph import bounded
from compress.graph.load import load_onnx
from compress.lint.run import lint, open_subject
from compress.pad import pad_model as padding
from compress.pad.pad_model import pad_model
from deploy.errors import ModelError
from tests.compress.lint import wrong
from tests.compress.pad.nets import Net

DEMO = Path(__file__).resolve().parents[3] / "models" / "demo" / "model.onnx"


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def grown(steps: Callable[[Net, str], str], shape: list[int | None] | None = None) -> onnx.ModelProto:
    """A convolution, and what is made of it; nothing is checked."""
    net = Net(13)
    end = steps(net, net.conv("images", 8))
    out = helper.make_tensor_value_info(end, TensorProto.FLOAT, shape or [None] * 4)
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, net.input_shape)
    graph = helper.make_graph(net.nodes, "net", [images], [out], net.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def doubled(net: Net, x: str) -> str:
    for _ in range(40):
        x = net.concat(x, x)
    return x


def doubled_list(net: Net, x: str) -> str:
    """A shape that doubles in length: following its values one by one would take all memory."""
    shape = net.constant([1], np.int64)
    net.counts[shape] = 1
    for _ in range(40):
        shape = net.concat(shape, shape, axis=0)
    return net.node("Reshape", [x, shape], 8)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(lambda: grown(doubled), "would have the sides [1, ", id="channels that double"),
        pytest.param(lambda: grown(doubled_list), "would have the sides [2", id="a shape that doubles"),
        pytest.param(
            lambda: grown(lambda n, x: n.node("Resize", [x, "", n.constant([1, 1, 1e6, 1e6])], 8)),
            "[1, 8, 16000000, 16000000]",
            id="an upsampling",
        ),
        pytest.param(
            lambda: grown(lambda n, x: n.node("Tile", [x, n.constant([1, 1, 10**5, 10**5], np.int64)], 8)),
            "more than 134217728",
            id="a tiling",
        ),
        pytest.param(
            lambda: grown(lambda n, x: n.unary("MaxPool", x, kernel_shape=[1, 1], pads=[10**6] * 4)),
            "more than 134217728",
            id="padding",
        ),
        pytest.param(
            lambda: grown(lambda n, x: n.node("Split", [x, n.constant([100, -92], np.int64)], 8, 2, axis=1)),
            "expected positive ones",
            id="a part of negative size",
        ),
    ],
)
def test_what_would_grow(tmp_path: Path, make: Callable[[], onnx.ModelProto], sentence: str) -> None:
    path = saved(make(), tmp_path)
    with pytest.raises(ModelError) as caught:
        load_onnx(path)
    assert str(caught.value).startswith(f"{path} is not a valid ONNX model: the tensor '")
    assert sentence in str(caught.value)


def test_what_grows_only_as_it_runs(tmp_path: Path) -> None:
    """A size that only folding reveals: pad and cost say so; lint's run is refused the memory."""

    def expand(net: Net, x: str) -> str:
        size = net.node("Mul", [net.node("Shape", ["images"], 4), net.constant([1, 3, 9000, 9000], np.int64)], 4)
        large = net.node("Expand", [net.unary("GlobalMaxPool", x), size], 8)
        return net.node("Add", [x, net.unary("GlobalMaxPool", large)], 8)

    path = saved(grown(expand), tmp_path)
    model = load_onnx(path)
    with pytest.raises(ModelError, match=r"m (cannot be padded: the tensor|does not run: )"):
        pad_model(model, 8, "m")
    with pytest.raises(ModelError, match=r"m: the (tensor|shape of)"):
        work_of(model, "m")
    assert "runs" in {finding.rule for finding in lint(open_subject(path, "8.1.RC1", "Ascend310"))}


def test_a_loop_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MOST_SECONDS", 0.5)
    values = [("i", TensorProto.INT64, []), ("go", TensorProto.BOOL, []), ("v", TensorProto.FLOAT, [1, 8, 16, 16])]
    inside = [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Abs", ["v"], ["w"])]
    ends = [helper.make_tensor_value_info("on", *values[1][1:]), helper.make_tensor_value_info("w", *values[2][1:])]
    body = helper.make_graph(inside, "b", [helper.make_tensor_value_info(*value) for value in values], ends)

    def loop(net: Net, x: str) -> str:
        names = [net.constant(2**62, np.int64), net.constant(True, np.bool_), x]
        return net.node("Loop", names, 8, body=body)

    path = saved(grown(loop, [1, 8, 16, 16]), tmp_path)
    with pytest.raises(ModelError, match=r"m does not run: it did not end within 0\.5 s"):
        pad_model(load_onnx(path), 8, "m")
    findings = {finding.rule: finding.sentence for finding in lint(open_subject(path, "8.1.RC1", "Ascend310"))}
    assert "did not end" in findings["runs"] and "operator-control" in findings


def test_too_many_channels_to_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(padding, "MOST_CHANNELS", 100)
    path = saved(wrong.sound(), tmp_path)
    with pytest.raises(ModelError, match="m cannot be padded: its tensors have more than 100 channels together"):
        pad_model(load_onnx(path), 8, "m")
    assert "more than 100 channels" in next(
        f.sentence for f in lint(open_subject(path, "5.0.4", "Ascend310"), activations=False) if f.rule == "channels"
    )


@pytest.mark.parametrize("group", [7, 0, -1, 10**9])
def test_groups_that_do_not_fit(tmp_path: Path, group: int) -> None:
    model = wrong.sound()
    model.graph.node[1].attribute.append(helper.make_attribute("group", group))
    del model.graph.node[1].attribute[0]
    path = saved(model, tmp_path)
    with pytest.raises(ModelError, match=r"m does not run|is not a valid ONNX model"):
        pad_model(load_onnx(path), 8, "m")


def test_nodes_in_another_order_are_sorted(tmp_path: Path) -> None:
    model = wrong.sound()
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    loaded = load_onnx(saved(model, tmp_path))
    onnx.checker.check_model(loaded)
    assert sorted(node.name for node in loaded.graph.node) == sorted(node.name for node in nodes)


def test_weights_in_a_file_beside_it(tmp_path: Path) -> None:
    model = onnx.load(DEMO)
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="w.data", size_threshold=0)
    loaded = load_onnx(tmp_path / "m.onnx")
    for ours, theirs in zip(loaded.graph.initializer, onnx.load(DEMO).graph.initializer, strict=True):
        assert np.array_equal(numpy_helper.to_array(ours), numpy_helper.to_array(theirs))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    for path in (tmp_path / "pipe.onnx", Path("/dev/zero"), tmp_path, tmp_path / "gone.onnx"):
        with pytest.raises(ModelError, match=f"^{path} cannot be read: "):
            load_onnx(path)


def test_outputs_without_a_declared_shape(tmp_path: Path) -> None:
    """The shape is inferred where it can be; what a plugin makes stays unknown, and the plugin is found."""
    model = wrong.sound()
    shape = [side.dim_value for side in model.graph.output[0].type.tensor_type.shape.dim]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    model.graph.node.append(helper.make_node("Plugin", [model.graph.output[0].name], ["p"], "plug", domain="far"))
    model.graph.output.append(helper.make_tensor_value_info("p", TensorProto.FLOAT, None))
    path = saved(model, tmp_path)
    loaded = load_onnx(path)
    assert [side.dim_value for side in loaded.graph.output[0].type.tensor_type.shape.dim] == shape
    assert not loaded.graph.output[-1].type.tensor_type.HasField("shape")
    assert [entry.domain for entry in loaded.opset_import] == [""], "the domain that nobody imports came and went"
    found = {finding.rule for finding in lint(open_subject(path, "5.0.4", "Ascend310"), activations=False)}
    assert "operator-unknown" in found


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        pytest.param("output", "its graph has no output", id="no output"),
        pytest.param("shape", "the input 'images' declares no shape", id="input without a shape"),
    ],
)
def test_what_nothing_can_be_said_about(tmp_path: Path, field: str, sentence: str) -> None:
    model = wrong.sound()
    if field == "output":
        del model.graph.output[:]
    else:
        model.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(ModelError, match=f"is not a valid ONNX model: {sentence}"):
        load_onnx(saved(model, tmp_path))
