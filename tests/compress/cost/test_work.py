"""Work of single layers, by hand; and of whole models, the same from torch and from ONNX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from compress.cost import onnx_work, torch_work
from compress.cost.work import Work, convolution, movement, product, stored, transposed
from compress.export.onnx_file import to_onnx
from compress.graph.load import load_onnx
from compress.graph.proof_images import proof_images
from compress.nets.size import flops
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov8 import AnchorFree
from deploy.errors import ModelError


@pytest.mark.parametrize(
    ("weight", "groups", "source", "flops", "products"),
    [
        pytest.param((32, 16, 3, 3), 1, 16, 589824, 32 * 16 * 9, id="whole blocks"),
        pytest.param((17, 16, 1, 1), 1, 16, 34816, 32 * 16, id="one output more"),
        pytest.param((16, 17, 1, 1), 1, 17, 34816, 16 * 32, id="one input more"),
        pytest.param((16, 3, 2, 2), 1, 3, 24576, 16 * 3 * 4, id="an image"),
        pytest.param((40, 1, 3, 3), 40, 40, 46080, 3 * 256 * 9, id="depthwise: 16 channels share a block"),
        pytest.param((64, 32, 1, 1), 2, 64, 262144, 2 * 32 * 32, id="two wide groups"),
    ],
)
def test_convolution(weight: tuple[int, ...], groups: int, source: int, flops: int, products: int) -> None:
    """On 8 x 8 pixels; `products` are the multiplications of a pixel, and as many weights are read."""
    found = convolution("c", weight, groups, (1, source, 8, 8), (1, weight[0], 8, 8))
    moved = 2 * products + stored((1, source, 8, 8)) + stored((1, weight[0], 8, 8))
    assert (found.flops, found.padded_flops, found.bytes) == (flops, 2 * products * 64, moved)


def test_transposed_convolution() -> None:
    """Each of 8 x 8 pixels meets the whole kernel; four times as many come out."""
    found = transposed("t", (32, 17, 2, 2), 1, (1, 32, 8, 8), (1, 17, 16, 16))
    products = 32 * 32 * 4
    assert (found.flops, found.padded_flops) == (2 * 32 * 17 * 4 * 64, 2 * products * 64)
    assert found.bytes == 2 * products + stored((1, 32, 8, 8)) + stored((1, 17, 16, 16))
    assert (found.channels, found.size) == ((32, 17), (16, 16))


@pytest.mark.parametrize("cfg", ["mixed", "few-v6"])
def test_other_families_from_torch_and_onnx(tiny_free: Callable[..., AnchorFree], cfg: str) -> None:
    """One branch of YOLO26, the products of attention by heads and by areas, depthwise 7x7, transposed convolutions."""
    model = tiny_free(cfg)
    content = to_onnx(model.deployed(), 64, proof_images(None, 64)).content
    ours = torch_work.work_of(model, 64)
    theirs = onnx_work.work_of(onnx.load_from_string(content), "m")
    for kind in ("conv", "matmul"):
        one, other = (sorted(w.flops for w in works if w.kind == kind) for works in (ours, theirs))
        assert one == other, kind
    if cfg == "mixed":
        assert any(w.kernel == (7, 7) for w in ours) and sum(w.kind == "matmul" for w in ours) == 6


@pytest.mark.parametrize(
    ("weight", "groups", "source", "products"),
    [
        pytest.param((32, 32, 3, 3), 1, 32, 32 * 32 * 9, id="whole blocks"),
        pytest.param((32, 33, 1, 1), 1, 33, 32 * 64, id="one input more: 32 of them"),
        pytest.param((17, 32, 1, 1), 1, 32, 32 * 32, id="outputs stay in blocks of 16"),
    ],
)
def test_convolution_on_int8(weight: tuple[int, ...], groups: int, source: int, products: int) -> None:
    found = convolution("c", weight, groups, (1, source, 8, 8), (1, weight[0], 8, 8), int8=True)
    taken = -(-source // 32) * 32 * 64
    assert (found.padded_flops, found.bytes) == (2 * products * 64, products + taken + stored((1, weight[0], 8, 8)))


def test_other_operators() -> None:
    joined = movement("j", "cat", [(1, 17, 4, 4), (1, 8, 4, 4)], (1, 25, 4, 4))
    assert (joined.flops, joined.padded_flops, joined.bytes) == (0, 0, 2 * 16 * (32 + 16 + 32))
    assert joined.channels == (25, 25)
    found = product("p", (2, 10, 16), (2, 16, 20))
    assert (found.flops, found.padded_flops) == (2 * 2 * 10 * 16 * 20, 2 * 2 * 16 * 16 * 32)
    assert stored((1, 3, 4, 4)) == 2 * 48 and stored((1, 5, 4, 4)) == 2 * 16 * 16 and stored((1, 100)) == 200


@pytest.fixture(scope="module")
def both(
    tiny_model: Callable[..., Yolov5], tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Work], list[Work], int]:
    """A YOLOv5's work from torch and from its ONNX, and its FLOPs as they are reported elsewhere."""
    model = tiny_model(width_multiple=0.25).eval()
    path = tmp_path_factory.mktemp("onnx") / "m.onnx"
    path.write_bytes(to_onnx(model, 64, proof_images(None, 64)).content)
    return torch_work.work_of(model, 64), onnx_work.work_of(load_onnx(path), "m"), flops(model, 64)


def test_torch_and_onnx_say_the_same(both: tuple[list[Work], list[Work], int]) -> None:
    ours, exported, reported = both
    parts = lambda works: sorted((w.channels, w.kernel, w.size, w.flops, w.padded_flops) for w in works if w.flops)  # noqa: E731
    assert parts(ours) == parts(exported) and len(parts(ours)) > 40
    assert sum(w.bytes for w in ours) == pytest.approx(sum(w.bytes for w in exported), rel=0.02)
    # what is reported counts batch norms too
    assert 0.9 < sum(w.flops for w in ours) / reported < 1


def test_layers_carry_their_names(both: tuple[list[Work], list[Work], int]) -> None:
    names = [work.name for work in both[0] if work.kind == "conv"]
    assert names[0] == "model.0.conv" and "model.24.m.2" in names and len(set(names)) == len(names)


def test_the_model_is_left_as_it_was(tiny_model: Callable[..., Yolov5]) -> None:
    model = tiny_model().train()
    torch_work.work_of(model, 64)
    assert model.training and all(p.device.type == "cpu" and p.requires_grad for p in model.parameters())
    assert torch.isfinite(next(model.parameters())).all()


def graph(shape: list[object], op: str = "Relu") -> bytes:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    made = helper.make_graph([helper.make_node(op, ["x", "x"][: 2 if op == "Add" else 1], ["y"])], "g", [value], [out])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 11)]).SerializeToString()


def lost_weights() -> bytes:
    model = onnx.load_from_string(graph([1, 3, 8, 8], "Add"))
    weight = numpy_helper.from_array(np.zeros((1, 3, 8, 8), np.float32), "w")
    external_data_helper.set_external_data(weight, "gone.data")
    weight.ClearField("raw_data")
    model.graph.initializer.append(weight)
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"nothing of the kind", "not a valid ONNX model", id="another file"),
        pytest.param(b"", "not a valid ONNX model", id="an empty file, which protobuf takes for a message"),
        pytest.param(lost_weights(), "not a valid ONNX model: .*gone.data", id="weights in a file that is lost"),
        pytest.param(graph(["batch", 3, 8, 8], "Add"), "expected fixed sizes", id="a batch of any size"),
        pytest.param(graph([1, 3, 8, 8]), "none of its 1 nodes is an operator that costs", id="nothing that costs"),
        pytest.param(None, "no such file, expected an ONNX model", id="missing"),
    ],
)
def test_what_has_no_known_work(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=sentence):
        onnx_work.work_of(load_onnx(path), str(path))


def test_activations_and_gates_cost_nothing() -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, 8, 8])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 16, 8, 8])
    nodes = [
        helper.make_node("Sigmoid", ["x"], ["s"]),
        helper.make_node("Mul", ["x", "s"], ["silu"]),
        helper.make_node("Mul", ["silu", "s"], ["y"]),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "g", [value], [out]), opset_imports=[helper.make_opsetid("", 11)]
    )
    onnx.checker.check_model(model)
    assert [work.kind for work in onnx_work.work_of(model, "m")] == ["mul"], "only the last one is a product of its own"
