"""The bundle of a YOLOv5 whose levels the SDK's library does not decode: the stream finds what torch finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from compress.export.bundle import write_bundle
from compress.export.onnx_file import to_onnx
from compress.lint.run import lint, open_subject
from compress.nets.yolov5 import Yolov5
from deploy.postprocess.mapping import FIT, Geometry
from deploy.run.flow import answers
from deploy.run.session import open_stream
from deploy.run.target import Target
from tests.compress import hub


def p6() -> dict[str, Any]:
    """Of few layers."""
    coarser = [[source, 1, "Conv", [512, 3, 2]] for source in (5, 9)]
    head = [*hub.least()["head"][:-1], *coarser, [[8, 5, 9, 10], 1, "Detect", hub.DETECT]]
    return {**hub.least(), "head": head, "anchors": [hub.ANCHORS] * 4}


def four_anchors() -> dict[str, Any]:
    return {**hub.least(), "anchors": [[*hub.ANCHORS, 40, 20]] * 2}


@pytest.mark.parametrize(
    ("arch", "strides"),
    [
        pytest.param(p6, [8, 16, 32, 64], id="P6"),
        pytest.param(hub.least, [8, 16], id="P34"),
        pytest.param(four_anchors, [8, 16], id="four anchors a scale: the SDK has room for three"),
    ],
)
def test_bundle_runs_on_the_host_and_finds_what_torch_finds(
    tiny_model: Callable[..., Yolov5], tmp_path: Path, arch: Callable[[], dict[str, Any]], strides: list[int]
) -> None:
    model = tiny_model(**arch())
    assert model.stride == strides
    x = np.random.default_rng(3).random((1, 3, 128, 128), np.float32)
    bundle = write_bundle(model, to_onnx(model, 128, x), tmp_path / "bundle", 128, [])
    told = json.loads((bundle / "bundle.json").read_text())
    assert [len(row) for row in told["anchors"]] == [model.head.na] * len(strides)
    assert "deploy.postprocess.anchor_based" in (bundle / "eval.pipeline").read_text()
    assert f"YOLO_TYPE={len(strides)}\n" in (bundle / "eval.cfg").read_text()
    assert not list(bundle.glob("*sdk2*")), "SDK 2.0.4 knows no post-processors in Python"
    jpeg = tmp_path / "p.jpg"
    cv2.imwrite(str(jpeg), (x[0].transpose(1, 2, 0) * 255).astype(np.uint8))
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
    if max(strides) == 64:
        lone = tmp_path / "lone.onnx"
        lone.write_bytes((bundle / "model.onnx").read_bytes())
        kinds = [
            {f.rule for f in lint(open_subject(p, "5.0.4", "Ascend310"), activations=False)} for p in (lone, bundle)
        ]
        assert "p6" in kinds[0] and "p6" not in kinds[1], "the SDK's library is not what decodes the bundle"
