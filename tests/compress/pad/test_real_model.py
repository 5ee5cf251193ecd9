"""The real YOLOv5n, pruned to odd widths, exported and padded: it finds the same objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from compress.channels.flow import channel_flow
from compress.export.onnx_file import to_onnx
from compress.graph.onnx_proof import run
from compress.graph.proof_images import proof_images
from compress.nets.weights import open_weights
from compress.nets.yolov5 import Yolov5
from compress.pad.pad_model import pad_model
from compress.prune import surgery
from compress.prune.choose import choose
from compress.prune.fold import fold_constants
from deploy.postprocess.mapping import STRETCH, Geometry
from deploy.postprocess.yolo import decode
from deploy.postprocess.yolo_config import YoloConfig

SIDE = 320


@pytest.fixture(scope="module")
def pruned(shared: Path) -> tuple[Yolov5, onnx.ModelProto]:
    model, _ = open_weights(shared / "weights" / "yolov5n.pt")
    flow = channel_flow(model, torch.zeros(1, 3, 64, 64))
    plan = choose(model, flow, 0.02, 1)  # the model was not trained to be sparse: more than this blinds it
    slim = surgery.cut(fold_constants(model, flow, plan), flow, plan)
    return slim, onnx.load_from_string(to_onnx(slim, SIDE, proof_images(None, SIDE)).content)


def detections(model: Yolov5, graph: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    biases = tuple(side for level in model.anchors_px() for anchor in level for side in anchor)
    config = YoloConfig(len(model.names), biases, 0.001, 0.001, 0.45)
    return decode(run(graph, {"images": image}, "the model"), config, Geometry(SIDE, SIDE, SIDE, SIDE, STRETCH, 0))


@pytest.mark.parametrize("multiple", [8, 16])
def test_the_same_objects(pruned: tuple[Yolov5, onnx.ModelProto], multiple: int) -> None:
    model, graph = pruned
    assert sum(len(w.dims) == 4 and w.dims[0] % 8 != 0 for w in graph.graph.initializer) > 20
    done = pad_model(graph, multiple, "yolov5n")
    assert done.difference <= 1e-5
    widths = [w.dims for w in done.model.graph.initializer if len(w.dims) == 4]
    assert [list(d) for d in widths if d[0] % multiple and d[0] != 255] == []
    assert [list(d) for d in widths if d[1] % multiple and d[1] != 3] == []
    assert {entry.count for entry in done.left} == {3, 255}  # the image, and 3 * (5 + 80) in each raw head
    for image in proof_images(None, SIDE):
        expected = detections(model, graph, image[None])
        assert len(expected) > 5
        found = detections(model, done.model, image[None])
        np.testing.assert_array_equal(found[:, 5], expected[:, 5])
        np.testing.assert_allclose(found[:, :5], expected[:, :5], atol=0.01, rtol=1e-4)
