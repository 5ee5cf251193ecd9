"""A YOLOv5 bundle's model with its boxes decoded inside, as ultralytics exports have it: what its `predict` takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from deploy.bundle import Bundle


def write_decoded(bundle: Bundle, file: Path) -> Path:
    """Write `file`: the bundle's model, weights untouched, with one output float32 [1, 4 + classes, cells].

    Its rows are centre x, centre y, width and height in pixels, then objectness times class for each class; beside it
    are the metadata that ultralytics reads. Needs the package onnx.
    """
    model = onnx.load(str(bundle.folder / "model.onnx"))
    graph, classes = model.graph, len(bundle.names)
    _constant(graph, "two", 2)
    _constant(graph, "half", 0.5)
    levels, cells = [], 0
    for number, head in enumerate(graph.output):
        levels.append(_decoded(graph, number, head, bundle, classes))
        cells += int(np.prod([side.dim_value for side in head.type.tensor_type.shape.dim[1:4]]))
    joined = _node(graph, "Concat", levels, "cells", axis=1)
    output = _node(graph, "Transpose", [joined], "detections", perm=[0, 2, 1])
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 4 + classes, cells]))
    stride = str(max(bundle.description["stride"]))
    names = str(dict(enumerate(bundle.names)))
    helper.set_model_props(
        model, {"task": "detect", "batch": "1", "stride": stride, "imgsz": str(bundle.imgsz), "names": names}
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(file))
    return file


def _decoded(graph: onnx.GraphProto, number: int, head: ValueInfoProto, bundle: Bundle, classes: int) -> str:
    """YOLOv5's decoding of one head [1, anchors, h, w, 5 + classes] to [1, anchors * h * w, 4 + classes]."""
    _, anchors, height, width, _ = (side.dim_value for side in head.type.tensor_type.shape.dim)
    stride = bundle.imgsz[1] / width
    place = bundle.description["stride"].index(round(stride))
    rows, columns = np.mgrid[:height, :width]
    _constant(graph, f"grid{number}", np.stack([columns, rows], axis=-1))
    _constant(graph, f"stride{number}", stride)
    _constant(graph, f"anchors{number}", np.reshape(bundle.description["anchors"][place], (1, anchors, 1, 1, 2)))
    graph.initializer.append(numpy_helper.from_array(np.array([1, -1, 4 + classes]), f"shape{number}"))

    def node(operator: str, *inputs: str, **attributes: object) -> str:
        return _node(graph, operator, list(inputs), f"decoded{number}.{len(graph.node)}", **attributes)

    parts = [f"{part}{number}" for part in ("xy", "wh", "objectness", "classes")]
    sizes = [2, 2, 1, classes]
    graph.node.append(helper.make_node("Split", [node("Sigmoid", head.name)], parts, axis=4, split=sizes))
    xy, wh, objectness, scores = parts
    offset = node("Sub", node("Mul", xy, "two"), "half")
    centre = node("Mul", node("Add", offset, f"grid{number}"), f"stride{number}")
    doubled = node("Mul", wh, "two")
    size = node("Mul", node("Mul", doubled, doubled), f"anchors{number}")
    return node("Reshape", node("Concat", centre, size, node("Mul", scores, objectness), axis=4), f"shape{number}")


def _constant(graph: onnx.GraphProto, name: str, value: float | np.ndarray) -> None:
    graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), name))


def _node(graph: onnx.GraphProto, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
    node: NodeProto = helper.make_node(operator, inputs, [output], **attributes)
    graph.node.append(node)
    return output
