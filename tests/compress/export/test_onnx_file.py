"""The ONNX file: what ATC 5.0.4 can read, what the SDK's post-processor expects, and the proof in front of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from compress.export import onnx_file
from compress.export.onnx_file import OnnxModel, to_onnx
from compress.nets.yolov5 import Yolov5
from deploy.errors import ModelError

IMAGES = np.random.default_rng(0).random((2, 3, 64, 64), np.float32)


@pytest.fixture(scope="module")
def graph(exported: tuple[Yolov5, OnnxModel]) -> onnx.ModelProto:
    return onnx.load_from_string(exported[1].content)


def shape_of(value: onnx.ValueInfoProto) -> list[int]:
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


def test_input_and_outputs(graph: onnx.ModelProto) -> None:
    assert [(i.name, shape_of(i)) for i in graph.graph.input] == [("images", [1, 3, 64, 64])]
    assert [(o.name, shape_of(o)) for o in graph.graph.output] == [
        ("output0", [1, 3, 8, 8, 8]),  # 64 px at stride 8; 3 anchors; 5 + 3 classes
        ("output1", [1, 3, 4, 4, 8]),
        ("output2", [1, 3, 2, 2, 8]),
    ]
    both = [*graph.graph.input, *graph.graph.output]
    assert {value.type.tensor_type.elem_type for value in both} == {onnx.TensorProto.FLOAT}


def test_opset(graph: onnx.ModelProto) -> None:
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", 11)]


def test_metadata(exported: tuple[Yolov5, OnnxModel], graph: onnx.ModelProto) -> None:
    stored = {entry.key: json.loads(entry.value) for entry in graph.metadata_props}
    assert stored == {
        "names": ["a", "b", "c"],
        "imgsz": [64, 64],
        "stride": [8, 16, 32],
        "anchors": [
            [[10, 13], [16, 30], [33, 23]],
            [[30, 61], [62, 45], [59, 119]],
            [[116, 90], [156, 198], [373, 326]],
        ],
    }


def test_heads_are_raw(graph: onnx.ModelProto) -> None:
    """Between the head's convolution and the output nothing changes a value, and nothing in the graph suppresses."""
    maker = {output: node for node in graph.graph.node for output in node.output}
    for output in graph.graph.output:
        node, passed = maker[output.name], []
        while node.op_type != "Conv":
            passed.append(node.op_type)
            node = maker[node.input[0]]
        assert passed == ["Transpose", "Reshape"]
    kinds = {node.op_type for node in graph.graph.node}
    assert not kinds & {"NonMaxSuppression", "TopK", "NonZero", "Loop", "If", "BatchNormalization"}


def test_nodes_for_atc(exported: tuple[Yolov5, OnnxModel], graph: onnx.ModelProto) -> None:
    """`--out_nodes` wants the name of the node that makes each output."""
    by_name = {node.name: node for node in graph.graph.node}
    outputs = exported[1].outputs
    assert [output["name"] for output in outputs] == ["output0", "output1", "output2"]
    for output in outputs:
        assert output["node"] and output["name"] in by_name[output["node"]].output
        assert not set(output["node"]) & set(";: '\"")
    assert [output["shape"] for output in outputs] == [shape_of(o) for o in graph.graph.output]


def test_agrees_with_torch(exported: tuple[Yolov5, OnnxModel]) -> None:
    model, stored = exported
    assert 0 <= stored.difference <= onnx_file.TOLERANCE
    session = onnxruntime.InferenceSession(stored.content, providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": IMAGES[:1]})
    with torch.no_grad():
        expected = model(torch.from_numpy(IMAGES[:1]))
    scale = max(float(e.abs().max()) for e in expected)
    for e, f in zip(expected, found, strict=True):
        np.testing.assert_allclose(f, e.numpy(), rtol=0, atol=1e-4 * scale)


def drift(model: Yolov5) -> None:
    """Weights that change whenever torch runs the model, but not while it is traced."""

    def change(*_: Any) -> None:
        if not torch.jit.is_tracing():
            with torch.no_grad():
                model.head.m[0].weight.mul_(1.01)

    model.register_forward_pre_hook(change)


def no_number(model: Yolov5) -> None:
    with torch.no_grad():
        model.head.m[1].bias[0] = float("nan")


def silent(model: Yolov5) -> None:
    with torch.no_grad():
        for conv in model.head.m:
            conv.weight.zero_()
            conv.bias.zero_()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(drift, r"differs from torch by \d\.\d+e-0\d of the output's largest value", id="other weights"),
        pytest.param(no_number, "differs from torch by nan", id="NaN compares with nothing, so it is no proof"),
    ],
)
def test_failed_proof(tiny_model: Callable[..., Yolov5], spoil: Callable[[Yolov5], None], sentence: str) -> None:
    model = tiny_model()
    spoil(model)
    with pytest.raises(ModelError, match=sentence):
        to_onnx(model, 64, IMAGES)


def test_outputs_of_zero_are_equal(tiny_model: Callable[..., Yolov5]) -> None:
    model = tiny_model()
    silent(model)
    assert to_onnx(model, 64, IMAGES[:1]).difference == 0


def test_tolerance_is_looked_at(exported: tuple[Yolov5, OnnxModel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "TOLERANCE", -1.0)
    with pytest.raises(ModelError, match=r"more than -1e\+00"):
        to_onnx(exported[0], 64, IMAGES[:1])
