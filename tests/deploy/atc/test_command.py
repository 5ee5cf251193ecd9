"""The ATC command."""

import pytest

from deploy.atc.cann import newest_opset
from deploy.atc.command import atc_command, find_outputs
from deploy.errors import ModelError
from deploy.wire.onnx_graph import OnnxGraph, OnnxNode, OnnxValue


def test_exact_arguments() -> None:
    outputs = [{"name": f"output{i}", "node": f"/model.24/Transpose_{i}", "shape": []} for i in range(3)]
    assert atc_command(384, 640, "images", outputs, "Ascend310P3") == [
        "atc",
        "--model=model.onnx",
        "--framework=5",  # ONNX
        "--output=model",  # ATC adds .om
        "--input_format=NCHW",
        "--input_shape=images:1,3,384,640",  # no quotes: the list goes to no shell
        "--enable_small_channel=1",
        "--insert_op_conf=aipp.cfg",
        "--soc_version=Ascend310P3",
        "--out_nodes=/model.24/Transpose_0:0;/model.24/Transpose_1:0;/model.24/Transpose_2:0",
        "--output_type=FP32",
    ]


def graph_of(outputs: list[OnnxValue], nodes: list[OnnxNode]) -> OnnxGraph:
    return OnnxGraph(11, tuple(nodes), (), tuple(outputs))


def test_outputs_are_found_by_who_makes_them() -> None:
    nodes = [OnnxNode("split", "Split", ("a", "b")), OnnxNode("end", "Relu", ("c",))]
    outputs = find_outputs(graph_of([OnnxValue("c", 1, (1, 2)), OnnxValue("b", 1, (1, 3))], nodes), "m")
    assert outputs == [
        {"name": "c", "node": "end", "shape": [1, 2]},
        {"name": "b", "node": "split", "shape": [1, 3], "index": 1},
    ]
    assert "--out_nodes=end:0;split:1" in atc_command(64, 64, "images", outputs, "Ascend310")


@pytest.mark.parametrize(
    ("value", "node", "sentence"),
    [
        pytest.param(OnnxValue("x", 1, (1,)), "n", "no node makes the output 'x'", id="an input passed through"),
        pytest.param(OnnxValue("c", 1, (None, 3)), "n", "is not fixed", id="a free batch"),
        pytest.param(OnnxValue("c", 1, (1,)), "a;b", "cannot be used in --out_nodes", id="a separator in a name"),
        pytest.param(OnnxValue("c", 1, (1,)), "a b", "cannot be used in --out_nodes", id="a blank in a name"),
    ],
)
def test_outputs_that_atc_cannot_name(value: OnnxValue, node: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        find_outputs(graph_of([value], [OnnxNode(node, "Relu", ("c",))]), "m")


def test_no_output() -> None:
    with pytest.raises(ModelError, match="has no output"):
        find_outputs(graph_of([], []), "m")


@pytest.mark.parametrize(
    ("cann", "opset"),
    [("5.0.4", 11), ("5.1.RC2", 11), ("6.0.1", 11), ("7.0.0", 13), ("8.1.RC1", 13), ("8.3.RC1", 17), ("8.5.0", 18)],
)
def test_newest_opset(cann: str, opset: int) -> None:
    assert newest_opset(cann) == opset
