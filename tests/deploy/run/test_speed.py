"""The speed command on the host engine."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import main
from deploy.run.speed import repeated
from tests import schemas
from tests.deploy.six_heads import make_six_heads

PLUGINS = {
    "mxpi_imagedecoder0",
    "mxpi_imageresize0",
    "mxpi_tensorinfer0",
    "mxpi_objectpostprocessor0",
    "mxpi_dataserialize0",
}


@pytest.fixture
def arguments(
    tmp_path: Path, tiny_bundle: Callable[..., Path], blob_jpeg: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        Path(f"{name}.jpg").write_bytes(blob_jpeg([(1, 1, 0)]))
    Path("c.jpg").write_bytes(b"broken")
    Path("set.txt").write_text("a\nb\nc\n")
    return ["speed", "set.txt", ".", "--model", str(tiny_bundle())]


def test_json_has_what_the_contract_says(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    schemas.validate(report, "speed")
    assert (report["schema_version"], report["images"], report["failed_images"], report["host"]) == (1, 3, 1, True)
    latency = report["latency_ms"]
    assert list(latency) == ["p50", "p90", "p99"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]
    assert set(report["plugins_ms"]) == PLUGINS
    assert list(report["stages_ms"]) == ["decode", "resize", "infer", "post"]
    assert report["stages_ms"]["infer"] == report["plugins_ms"]["mxpi_tensorinfer0"]
    digest = hashlib.sha256(Path("bundle/model.onnx").read_bytes()).hexdigest()
    about = {"architecture": "yolov5", "imgsz": [128, 128]}
    assert report["model"] == {"file": "model.onnx", "sha256": digest, "onnx_sha256": digest, **about}
    assert report["on"] == "host" and report["machine"]["cores"] > 0
    # The plugins work inside the latency, so that together they cannot take longer.
    assert 0 < sum(report["plugins_ms"].values()) < 2 * latency["p99"]
    assert report["images_per_second"] > 0
    # However often the set is repeated, an image that failed is reported once.
    assert printed.err.count("image c failed") == 1


def old_generation(stream: dict[str, Any]) -> None:
    """mxpi_modelinfer in place of two elements."""
    post = stream.pop("mxpi_objectpostprocessor0")["props"]
    files = {key: post[key] for key in ("postProcessConfigPath", "labelPath")}
    del stream["mxpi_tensorinfer0"]
    stream["mxpi_imageresize0"]["next"] = "mxpi_modelinfer0"
    stream["mxpi_modelinfer0"] = {
        "factory": "mxpi_modelinfer",
        "props": {"modelPath": "model.om", **files, "postProcessLibPath": "libMpYOLOv5PostProcessor.so"},
        "next": "mxpi_dataserialize0",
    }
    stream["mxpi_dataserialize0"]["props"] = {"outputDataKeys": "mxpi_modelinfer0"}


def fan_out(stream: dict[str, Any]) -> None:
    """A branch that encodes the image again, and one that draws into it."""
    stream["mxpi_imagedecoder0"]["next"] = ["mxpi_imageresize0", "queue0", "mxpi_opencvosd0:0"]
    stream["queue0"] = {"factory": "queue", "next": "mxpi_imageencoder0"}
    stream["mxpi_imageencoder0"] = {"factory": "mxpi_imageencoder", "next": "fakesink0"}
    stream["fakesink0"] = {"factory": "fakesink"}
    stream["mxpi_objectpostprocessor0"]["next"] = ["mxpi_dataserialize0", "mxpi_object2osdinstances0"]
    stream["mxpi_object2osdinstances0"] = {"factory": "mxpi_object2osdinstances", "next": "mxpi_opencvosd0:1"}
    stream["mxpi_opencvosd0"] = {"factory": "mxpi_opencvosd", "next": "mxpi_imageencoder1"}
    stream["mxpi_imageencoder1"] = {"factory": "mxpi_imageencoder", "next": "appsink1"}
    stream["appsink1"] = {"factory": "appsink"}


OLD = PLUGINS - {"mxpi_tensorinfer0", "mxpi_objectpostprocessor0"} | {"mxpi_modelinfer0"}
DRAWN = {"mxpi_object2osdinstances0", "mxpi_opencvosd0", "mxpi_imageencoder0", "mxpi_imageencoder1"}


@pytest.mark.parametrize(
    ("change", "plugins"),
    [
        pytest.param(old_generation, OLD, id="mxpi_modelinfer"),
        pytest.param(fan_out, PLUGINS | DRAWN, id="branches, a junction and two appsinks"),
    ],
)
def test_other_streams(
    arguments: list[str], capsys: pytest.CaptureFixture[str], change: Callable[[Any], None], plugins: set[str]
) -> None:
    """Every element that works on images has its time, whatever the stream looks like."""
    streams = json.loads(Path("bundle/detect.pipeline").read_text())
    change(streams["detection"])
    Path("other.pipeline").write_text(json.dumps(streams))
    assert main([*arguments, "--pipeline", "other.pipeline", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["plugins_ms"]) == plugins
    assert min(report["plugins_ms"].values()) > 0
    assert (report["images"], report["failed_images"]) == (3, 1)
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p90"] <= report["latency_ms"]["p99"]


def test_a_post_processor_that_runs_here_is_no_plugin(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    make_six_heads(Path("bundle"))
    assert main([*arguments, "--raw", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["plugins_ms"]) == {"mxpi_imagedecoder0", "mxpi_imageresize0", "mxpi_tensorinfer0"}
    assert report["failed_images"] == 1 and report["images_per_second"] > 0


def test_lines_for_people_name_the_host(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "images per second = " in out and "p50 = " in out and "not of a board" in out


def test_all_images_failed(arguments: list[str]) -> None:
    Path("set.txt").write_text("c\n")
    assert main(arguments) == 3


@pytest.mark.parametrize(
    ("names", "fewest", "expected"),
    [
        pytest.param(["a", "b"], 5, ["a", "b", "a", "b", "a"], id="a small set goes round"),
        pytest.param(["a", "b", "c"], 2, ["a", "b", "c"], id="a large one is used once"),
    ],
)
def test_repeated(names: list[str], fewest: int, expected: list[str]) -> None:
    assert repeated(names, fewest) == expected
