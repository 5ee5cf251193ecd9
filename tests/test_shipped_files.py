"""Every pipeline, configuration and label file that the project ships is what the exporter writes today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compress.export.streams import config_text, labels_text, pipeline_text, sdk2_pipeline_text
from compress.nets.yolov5 import architecture
from compute_mAP.class_names import read_names
from deploy.atc.aipp_text import aipp_text
from deploy.bundle import open_bundle

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "models" / "demo"
VOC = ROOT / "models" / "yolov5"


@pytest.mark.parametrize("kind", ["detect", "eval"])
def test_top_level_pipelines_are_the_demo_bundles_own(kind: str) -> None:
    height, width = json.loads((DEMO / "bundle.json").read_text())["imgsz"]
    shipped = {
        ROOT / "pipeline" / f"{kind}.pipeline": pipeline_text(kind, height, width, "model.om", "models/demo/"),
        ROOT / "pipeline" / "sdk2" / f"{kind}.pipeline": sdk2_pipeline_text(
            kind, height, width, "model.om", "models/demo/"
        ),
        DEMO / f"{kind}.pipeline": pipeline_text(kind, height, width, "model.om"),
        DEMO / f"{kind}.sdk2.pipeline": sdk2_pipeline_text(kind, height, width, "model.om"),
    }
    for file, expected in shipped.items():
        assert file.read_text() == expected, file


def test_the_demo_bundle_is_whole() -> None:
    assert open_bundle(DEMO).notes == []


def test_voc_files() -> None:
    names = read_names(VOC / "voc.names")
    anchors = [[row[i : i + 2] for i in range(0, 6, 2)] for row in architecture("yolov5s", 20)["anchors"]]
    assert len(names) == 20
    assert (VOC / "voc.names").read_text() == labels_text(names)
    assert (VOC / "aipp_yolov5.cfg").read_text() == aipp_text(512, 512)
    for kind in ("detect", "eval"):
        assert (VOC / f"yolov5_{kind}.cfg").read_text() == config_text(kind, names, anchors)
