"""The bundle of a model without anchors: raw heads in the ONNX, and the stream finds on the host what torch finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from compress.channels.flow import ChannelFlow
from compress.export.bundle import write_bundle
from compress.export.onnx_file import to_onnx
from compress.nets.yolov8 import AnchorFree
from compress.prune import surgery
from compress.prune.choose import choose
from deploy.postprocess.mapping import FIT, Geometry
from deploy.run.flow import answers
from deploy.run.session import open_stream
from deploy.run.target import Target
from tests import schemas

CFGS = [
    pytest.param("yolov8n", id="as ultralytics describes it"),
    pytest.param("few-v9", id="the blocks of YOLOv9, with bins"),
    pytest.param("few-v10-p6", id="four levels, a head of two branches with bins"),
    pytest.param("mixed", id="a block of each family, a head of two branches without bins"),
]


def images(side: int, count: int = 1) -> np.ndarray:
    return np.random.default_rng(3).random((count, 3, side, side), np.float32)


@pytest.mark.parametrize("cfg", CFGS)
def test_onnx_of_a_pruned_model_has_named_raw_heads_that_equal_torch(
    tiny_free: Callable[..., AnchorFree], free_flow: Callable[..., ChannelFlow], cfg: str
) -> None:
    dense, flow = tiny_free(cfg), free_flow(cfg)
    model = surgery.cut(dense, flow, choose(dense, flow, 0.5, 8)).deployed()
    written = to_onnx(model, 128, images(128))
    assert written.difference <= 1e-4
    graph = onnx.load_from_string(written.content)
    assert [entry.version for entry in graph.opset_import] == [11]
    sides = 4 * (1 if cfg == "mixed" else 16)
    expected = [shape for s in model.stride for shape in ([1, sides, 128 // s, 128 // s], [1, 3, 128 // s, 128 // s])]
    assert [o["name"] for o in written.outputs] == model.output_names
    assert [o["shape"] for o in written.outputs] == expected
    assert all("Conv" in o["node"] for o in written.outputs), "the head convolutions put out what they compute"
    session = onnxruntime.InferenceSession(written.content, providers=["CPUExecutionProvider"])
    x = images(128, 2)[1:]
    with torch.no_grad():
        for found, wanted in zip(session.run(None, {"images": x}), model(torch.from_numpy(x)), strict=True):
            assert np.abs(found - wanted.numpy()).max() <= 1e-4 * float(wanted.abs().max())


@pytest.mark.parametrize(
    ("cfg", "branch", "family", "post"),
    [
        pytest.param("yolov8n", None, "yolov8", "yolov8", id="YOLOv8"),
        pytest.param("few-26", "one2one", "yolo26", "end_to_end", id="YOLO26 without NMS"),
        pytest.param("few-26", "one2many", "yolo26", "yolov8", id="YOLO26 with NMS: one bin a side"),
    ],
)
def test_bundle_runs_on_the_host_and_finds_what_torch_finds(
    tiny_free: Callable[..., AnchorFree], tmp_path: Path, cfg: str, branch: str | None, family: str, post: str
) -> None:
    import cv2

    model = tiny_free(cfg).deployed(branch)
    with torch.no_grad():
        for boxes, kinds in model.branches:  # type: ignore[attr-defined]
            for classes, box in zip(kinds, boxes, strict=True):
                classes[-1].weight.mul_(0.1)
                box[-1].weight.mul_(1e-3)
                if box[-1].out_channels == 4:
                    box[-1].bias.fill_(0.4)
    bundle = write_bundle(model, to_onnx(model, 128, images(128)), tmp_path / "bundle", 128, [{"stage": "train"}])
    description = json.loads((bundle / "bundle.json").read_text())
    schemas.validate(description, "bundle")
    assert description["architecture"] == family and description["anchors"] == []
    assert not list(bundle.glob("*sdk2*")), "SDK 2.0.4 knows no post-processors in Python"
    assert f"deploy.postprocess.{post}" in (bundle / "eval.pipeline").read_text()
    image = (images(128)[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    jpeg = tmp_path / "p.jpg"
    cv2.imwrite(str(jpeg), image)
    with open_stream(Target(bundle, on="host", numerics="float"), "eval") as (stream, _):
        ((_, _, outcome),) = answers(stream, tmp_path, ["p"])
    decoded = cv2.cvtColor(cv2.imread(str(jpeg)), cv2.COLOR_BGR2RGB).transpose(2, 0, 1)[None].astype(np.float32) / 255
    with torch.no_grad():
        raw = [o.numpy() for o in model(torch.from_numpy(decoded))]
    expected = model.boxes(raw, 0.001, 0.6, Geometry(128, 128, 128, 128, FIT, 1.0))
    assert not outcome.fault and len(outcome.objects) == len(expected) > 3
    found = np.array([[*o[3:], o.confidence, model.names.index(o.name)] for o in outcome.objects])
    distances = np.abs(found[:, None] - expected[None]).max(2)
    assert distances.min(1).max() < 2e-2 and distances.min(0).max() < 2e-2
