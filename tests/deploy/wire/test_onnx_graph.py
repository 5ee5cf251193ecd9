"""The reader of ONNX files agrees with the package onnx, and says so where a file is none."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from deploy.errors import ModelError
from deploy.wire.onnx_graph import read_onnx_graph

ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "models" / "demo" / "model.onnx"


def test_the_demo_model() -> None:
    expected = onnx.load(DEMO)
    found = read_onnx_graph(DEMO)
    assert found.opset == expected.opset_import[0].version
    assert [(n.name, n.operator, list(n.outputs)) for n in found.nodes] == [
        (n.name, n.op_type, list(n.output)) for n in expected.graph.node
    ]
    for ours, theirs in ((found.inputs, expected.graph.input), (found.outputs, expected.graph.output)):
        assert [(v.name, v.kind, list(v.shape)) for v in ours] == [
            (v.name, v.type.tensor_type.elem_type, [d.dim_value for d in v.type.tensor_type.shape.dim]) for v in theirs
        ]


def test_what_exporters_also_write(tmp_path: Path) -> None:
    """Weights listed among the inputs, free dimensions, another domain's opset, a node without a name."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["batch", 3, None, 8])
    w = helper.make_tensor_value_info("w", TensorProto.FLOAT, [1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(
        [helper.make_node("Split", ["x"], ["y", "z"])], "g", [x, w], [y], [numpy_helper.from_array(DATA, "w")]
    )
    opsets = [helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("", 12), helper.make_opsetid("x", 3)]
    file = tmp_path / "模型.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets), str(file))
    found = read_onnx_graph(file)
    assert found.opset == 12
    assert [(v.name, v.kind, v.shape) for v in found.inputs] == [("x", 10, (None, 3, None, 8))]
    assert found.outputs[0].shape == ()
    assert found.nodes[0].name == "" and found.nodes[0].outputs == ("y", "z")


DATA = numpy_helper.to_array(helper.make_tensor("d", TensorProto.FLOAT, [1], [1.0]))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "holds no graph", id="empty"),
        pytest.param(b"PK\x03\x04 no model", "is not an ONNX model", id="a zip archive"),
        pytest.param(DEMO.read_bytes()[:-100], "ends too early", id="cut off"),
        pytest.param(b"\x38\x01", "a number stands where", id="a graph that is a number"),
        pytest.param(b"\xff" * 12, "a number is too long", id="a varint without end"),
        pytest.param(b"\x3a\x03\x0a\x01\x1f", "is not an ONNX model", id="a node that is none"),
    ],
)
def test_no_model(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=sentence):
        read_onnx_graph(file)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        read_onnx_graph(tmp_path / "m.onnx")
