"""Makes a bundle's model a small YOLOv8: six raw heads, and a post-processor in Python.

It finds what the tiny YOLOv5 finds: a pure red, green or blue cell of 16 px is an object of class 0, 1 or 2, whose box
is that cell.
"""

import hashlib
import json

import numpy as np
import pytest

STRIDES = (8, 16, 32)
POST = {
    "funcLanguage": "python",
    "pythonModule": "deploy.postprocess.yolov8",
    "className": "Yolov8PostProcess",
    "postProcessLibPath": ".",
    "labelPath": "labels.names",
}


def make_six_heads(folder):
    _write_model(folder / "model.onnx")
    for task, score in (("detect", 0.4), ("eval", 0.001)):
        (folder / f"{task}.cfg").write_text(f"CLASS_NUM=3\nSCORE_THRESH={score}\nIOU_THRESH=0.5\n")
        path = folder / f"{task}.pipeline"
        streams = json.loads(path.read_text())
        streams["detection"]["mxpi_objectpostprocessor0"]["props"] = {**POST, "postProcessConfigPath": f"{task}.cfg"}
        path.write_text(json.dumps(streams, indent=4))
    path = folder / "bundle.json"
    manifest = json.loads(path.read_text())
    manifest["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest["files"]}
    path.write_text(json.dumps(manifest))
    return folder


def _write_model(path, side=128):
    onnx = pytest.importorskip("onnx", reason="the small model is built with onnx")
    helper, numpy_helper, float32 = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
    nodes, weights, outputs = [], [], []
    for stride in STRIDES:
        pool = f"pool{stride}"
        size = [stride, stride]
        nodes.append(helper.make_node("AveragePool", ["images"], [pool], kernel_shape=size, strides=size))
        box = np.full((4, 16), -50, np.float32)
        box[:, :2] = 0  # half a cell to each side
        kind = 36 * np.eye(3, dtype=np.float32) - 12
        bias = np.full(3, -18 if stride == 16 else -100, np.float32)
        heads = {"box": (np.zeros((64, 3), np.float32), box.reshape(-1)), "cls": (kind, bias)}
        for name, (weight, offset) in heads.items():
            out = f"{name}{stride}"
            weights.append(numpy_helper.from_array(weight.reshape(-1, 3, 1, 1), f"w_{out}"))
            weights.append(numpy_helper.from_array(offset, f"b_{out}"))
            nodes.append(helper.make_node("Conv", [pool, f"w_{out}", f"b_{out}"], [out], kernel_shape=[1, 1]))
            shape = [1, len(offset), side // stride, side // stride]
            outputs.append(helper.make_tensor_value_info(out, float32, shape))
    images = helper.make_tensor_value_info("images", float32, [1, 3, side, side])
    graph = helper.make_graph(nodes, "six", [images], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
