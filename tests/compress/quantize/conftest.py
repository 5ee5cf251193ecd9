"""A small detector that can be quantised: wide enough, with a depthwise and a grouped convolution, and a head."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from deploy.aipp.write import aipp_text
from deploy.hashes import file_sha256

ROOT = Path(__file__).resolve().parents[3]
SIDE = 64
CLASSES = 3


def small_model(opset: int = 11, activation: str = "silu", side: int = SIDE) -> onnx.ModelProto:
    """images [1, 3, side, side] -> stem of 32 channels -> depthwise, grouped, 1x1 -> raw head [1, 3, s, s, 8]."""
    random = np.random.default_rng(0)
    weights, nodes = [], []

    def conv(name: str, source: str, cin: int, cout: int, kernel: int, group: int = 1, stride: int = 1) -> str:
        shape = (cout, cin // group, kernel, kernel)
        values = random.normal(0, 1.6 / np.sqrt(np.prod(shape[1:])), shape) * np.exp(
            random.normal(0, 0.7, (cout, 1, 1, 1))
        )
        weights.append(numpy_helper.from_array(values.astype(np.float32), f"{name}.w"))
        weights.append(numpy_helper.from_array(random.normal(0, 0.3, cout).astype(np.float32), f"{name}.b"))
        pads = [kernel // 2] * 4
        nodes.append(
            helper.make_node(
                *("Conv", [source, f"{name}.w", f"{name}.b"], [f"{name}.out"]),
                name=name,
                group=group,
                pads=pads,
                kernel_shape=[kernel, kernel],
                strides=[stride, stride],
            )
        )
        if name == "head":
            return f"{name}.out"
        if activation == "relu":
            nodes.append(helper.make_node("Relu", [f"{name}.out"], [f"{name}.act"], name=f"{name}.relu"))
        else:
            nodes.append(helper.make_node("Sigmoid", [f"{name}.out"], [f"{name}.sig"], name=f"{name}.sigmoid"))
            nodes.append(helper.make_node("Mul", [f"{name}.out", f"{name}.sig"], [f"{name}.act"], name=f"{name}.mul"))
        return f"{name}.act"

    x = conv("stem", "images", 3, 32, 3, stride=4)
    x = conv("depthwise", x, 32, 32, 3, group=32)
    x = conv("grouped", x, 32, 32, 3, group=2, stride=2)
    y = conv("point", x, 32, 32, 1)
    nodes.append(helper.make_node("Add", [x, y], ["sum"], name="add"))
    z = conv("last", "sum", 32, 32, 3)
    x = conv("head", z, 32, 3 * (5 + CLASSES), 1)
    s = side // 8
    weights.append(numpy_helper.from_array(np.array([1, 3, 5 + CLASSES, s, s], np.int64), "shape"))
    nodes.append(helper.make_node("Reshape", [x, "shape"], ["five"], name="reshape"))
    nodes.append(helper.make_node("Transpose", ["five"], ["output0"], name="transpose", perm=[0, 1, 3, 4, 2]))
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("images", [1, 3, side, side]), ("output0", [1, 3, s, s, 5 + CLASSES]))
    ]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def twin_model() -> onnx.ModelProto:
    """The same with a second 1x1 convolution on one tensor."""
    model = small_model()
    twin = onnx.NodeProto()
    twin.CopyFrom(next(node for node in model.graph.node if node.name == "point"))
    twin.name, twin.output[0] = "twin", "twin.out"
    place = next(i for i, node in enumerate(model.graph.node) if node.name == "add")
    model.graph.node.insert(place, twin)
    model.graph.node[place + 1].input[0] = "twin.out"
    return model


@pytest.fixture(scope="session")
def small() -> onnx.ModelProto:
    """Tests leave it as it is."""
    return small_model()


@pytest.fixture(scope="session")
def inputs() -> list[np.ndarray]:
    """Network inputs, smooth and in 0..1."""
    random = np.random.default_rng(1)
    coarse = random.random((4, 3, 8, 8)).astype(np.float32)
    return [image[None].repeat(SIDE // 8, axis=2).repeat(SIDE // 8, axis=3) for image in coarse]


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Path]:
    """Writes a bundle with a model of `small_model`'s kind, its files those of the demo bundle."""

    def make(model: onnx.ModelProto, name: str = "bundle", **changes: object) -> Path:
        folder = tmp_path / name
        shutil.copytree(ROOT / "models" / "demo", folder)
        onnx.save(model, str(folder / "model.onnx"))
        for file in folder.glob("*.pipeline"):
            file.write_text(file.read_text().replace('"320"', f'"{SIDE}"'), encoding="utf-8")
        (folder / "aipp.cfg").write_text(aipp_text(SIDE, SIDE), encoding="utf-8")
        description = json.loads((folder / "bundle.json").read_text())
        files = {entry: file_sha256(folder / entry) for entry in description["files"]}
        description.update(imgsz=[SIDE, SIDE], files=files, **changes)
        (folder / "bundle.json").write_text(json.dumps(description), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def images(tmp_path: Path, write_tiny_data: Callable[..., Path]) -> Path:
    """A data.yaml with four training images."""
    return write_tiny_data(tmp_path / "set", counts=(4, 2, 2))
