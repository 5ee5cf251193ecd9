"""Every pipeline, configuration and label file that the project ships is what the exporter writes today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compress.export.streams import config_text, labels_text, pipeline_text, sdk2_pipeline_text
from compress.nets.family import architecture
from compute_mAP.class_names import read_names
from deploy.aipp.read import parse_aipp
from deploy.aipp.write import aipp_text
from deploy.bundle import open_bundle
from deploy.host.catalog.properties import SDK2
from deploy.host.check.kinds import AIPP, CHECKED, CONFIG, LABELS, PIPELINE, kind_of
from deploy.host.check.run import check
from deploy.host.engine.factories import FACTORIES
from deploy.host.pipeline.findings import NOTE
from deploy.host.pipeline.read import parse_pipeline
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.labels import parse_labels
from deploy.postprocess.sdk2.config import read_sdk2_yolov5
from deploy.postprocess.yolo_config import read_yolo_config

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
        DEMO / "detect.video.pipeline": pipeline_text("detect", height, width, "model.om", video=True),
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


SHIPPED = sorted(
    file for place in ("pipeline", "models") for suffix in CHECKED for file in (ROOT / place).rglob(f"*{suffix}")
)


def test_files_of_every_kind_are_shipped() -> None:
    kinds = {kind_of(file, file.read_bytes()) for file in SHIPPED}
    assert kinds == {PIPELINE, CONFIG, LABELS, AIPP}
    assert {file.parent.name for file in SHIPPED if file.suffix == ".pipeline"} >= {"pipeline", "sdk2", "demo"}


@pytest.mark.parametrize("file", [pytest.param(file, id=str(file.relative_to(ROOT))) for file in SHIPPED])
def test_nothing_is_wrong_with_a_shipped_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read by the engine's own readers, and checked with all that it names; only that there is no .om yet is noted."""
    monkeypatch.chdir(ROOT)  # what the paths of pipeline/ start from
    data = file.read_bytes()
    kind = kind_of(file, data)
    if kind == PIPELINE:
        for stream in parse_pipeline(data):
            for element in stream.elements:
                assert element.factory in FACTORIES
    elif kind == CONFIG:
        config = read_yolo_config(KeyValues.from_text(data, str(file)))
        assert config.class_num == read_sdk2_yolov5(KeyValues.from_text(data, str(file))).class_num
    elif kind == AIPP:
        assert parse_aipp(data.decode(), str(file))["aipp_mode"] == "static"
    else:
        assert parse_labels(data.decode())
    old = file.parent.name == "sdk2" or file.name.endswith(".sdk2.pipeline")
    report = check([file], sdk=SDK2 if old else None)
    found = [one for _, _, findings in report.files for one in findings]
    assert [one.sentence for one in found if one.severity != NOTE] == []
    assert all("build.sh makes it" in one.sentence for one in found)
