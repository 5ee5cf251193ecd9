"""detect, speed, eval and host on a board with CANN alone: the same pipeline, the same boxes."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.cli import main
from tests.deploy import stand_in_atc

ROOT = Path(__file__).resolve().parents[3]
BLOBS = [(1, 1, 0), (5, 3, 2), (6, 6, 1)]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*map(str, arguments)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return run


@pytest.fixture
def images(tmp_path: Path, blob_jpeg: Callable[..., bytes]) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (90, 201, 3), np.uint8)
    (folder / "a.jpg").write_bytes(blob_jpeg(BLOBS))
    (folder / "b.jpg").write_bytes(blob_jpeg([(2, 3, 1)], width=200, height=120))
    (folder / "c.jpg").write_bytes(cv2.imencode(".jpg", noise)[1].tobytes())
    return folder


def boxes(folder: Path) -> dict[str, Any]:
    return {file.name: json.loads(file.read_text()) for file in sorted(folder.glob("image_result/*.json"))}


def test_detect_takes_the_chip_by_itself_and_says_so(
    acl: Any, call: Call, om_bundle: Callable[..., Path], images: Path, tmp_path: Path
) -> None:
    bundle = om_bundle()
    arguments = ("detect", images, "--model", bundle, "--boxes", "--out")
    code, _, err = call(*arguments, tmp_path / "chip")
    assert code == 0 and "on acl: the host engine with the .om on the chip, Ascend310B4" in err
    assert acl.S.calls["mdl.execute_async"] == 3 and acl.alive() == []
    code, _, err = call(*arguments, tmp_path / "host", "--on", "host", "--numerics", "board")
    assert code == 0 and "on host" in err
    assert boxes(tmp_path / "chip") == boxes(tmp_path / "host")
    assert {found["class"] for found in boxes(tmp_path / "chip")["a.json"]["objects"]} == {"red", "green", "blue"}


def test_without_an_om_the_host_engine_runs(
    acl: Any, call: Call, tiny_bundle: Callable[..., Path], images: Path
) -> None:
    bundle = tiny_bundle()
    code, _, err = call("detect", images, "--model", bundle)
    assert code == 0 and "on host" in err and "init" not in acl.S.calls
    code, _, err = call("detect", images, "--model", bundle, "--on", "acl")
    assert code == 4 and "model.om is missing; build.sh makes it" in err


@pytest.mark.parametrize("settings", [{"half_outputs": True}, {"aipp": False}], ids=["outputs of float16", "no AIPP"])
def test_kinds_of_om(
    acl: Any,
    call: Call,
    om_bundle: Callable[..., Path],
    images: Path,
    tmp_path: Path,
    settings: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    bundle = om_bundle(**settings)
    code, _, err = call("detect", images / "a.jpg", "--model", bundle, "--boxes", "--out", tmp_path)
    assert code == 0, err
    assert len(boxes(tmp_path)["a.json"]["objects"]) == 3
    assert ("the .om has no AIPP inside" in caplog.text) == ("aipp" in settings)


def test_an_om_of_another_aipp_file_is_noted(
    acl: Any, call: Call, om_bundle: Callable[..., Path], images: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = om_bundle()
    text = (bundle / "aipp.cfg").read_text()
    (bundle / "aipp.cfg").write_text(text.replace("matrix_r0c2: 359", "matrix_r0c2: 409"))
    call("detect", images / "a.jpg", "--model", bundle)
    assert "model.om is not as aipp.cfg: matrix_r0c2" not in caplog.text  # pyACL does not tell this one
    (bundle / "aipp.cfg").write_text(text.replace("matrix_r1c1: -88", "matrix_r1c1: -100"))
    call("detect", images / "a.jpg", "--model", bundle)
    assert "model.om is not as aipp.cfg: matrix_r1c1 is -88 in the .om, -100 in the file" in caplog.text


def test_speed_knows_the_time_of_each_element(
    acl: Any, call: Call, om_bundle: Callable[..., Path], images: Path
) -> None:
    code, out, _ = call("speed", images, "--model", om_bundle(), "--json")
    report = json.loads(out)
    assert code == 0 and report["host"] is False and report["plugins_ms"]["mxpi_tensorinfer0"] > 0
    assert (report["on"], report["machine"]["chip"], report["model"]["file"]) == ("acl", "Ascend310B4", "model.om")
    assert set(report["stages_ms"]) == {"decode", "resize", "infer", "post"}


FAULTS = [
    pytest.param(["rt.set_device", 1, 507033], 5, "507033, the device cannot be set up", id="a second process"),
    pytest.param(["mdl.load_from_file", 1, 545001], 4, "545001, the .om was made for another chip", id="wrong chip"),
    pytest.param(["rt.malloc", 2, 207001], 4, "207001, the device's memory is exhausted", id="no memory"),
    pytest.param(["rt.synchronize_stream", 2, 507899], 5, "507899, an internal error of the driver", id="driver gone"),
]


@pytest.mark.parametrize(("fault", "exit_code", "words"), FAULTS)
def test_faults_end_with_one_sentence(
    acl: Any, call: Call, om_bundle: Callable[..., Path], images: Path, fault: list[Any], exit_code: int, words: str
) -> None:
    acl.set_up(faults=[fault])
    code, _, err = call("detect", images, "--model", om_bundle(), "--on", "acl")
    assert code == exit_code
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and words in errors[0]


def test_one_image_that_fails_ends_nothing(acl: Any, call: Call, om_bundle: Callable[..., Path], images: Path) -> None:
    (images / "broken.jpg").write_bytes(b"\xff\xd8\xffjunk")
    acl.set_up(faults=[["mdl.execute_async", 2, 500002]])
    code, out, err = call("detect", images, "--model", om_bundle())
    assert code == 0 and "4 images, 2 failed" in out and "500002" in err


RUN = """
import sys
import deploy.host.api  # numpy and OpenCV are here
class Absent:
    def find_spec(self, name, path=None, target=None):
        frame = sys._getframe(1)
        while "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        if name.partition(".")[0] in ("onnxruntime", "google", "torch") and "stand" not in frame.f_code.co_filename:
            if "site-packages" not in frame.f_code.co_filename and not frame.f_code.co_filename.endswith("acl.py"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from deploy.cli import main
sys.exit(main())
"""


def start(folder: Path, *arguments: object, settings: str = "{}", code: str = RUN) -> "subprocess.Popen[str]":
    """A process of its own, on a board where nothing but numpy, OpenCV and acl imports."""
    shutil.copy(ROOT / "tests/deploy/stand_in_acl.py", folder / "acl.py")
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "ACL_STAND_IN": settings}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def test_a_board_needs_numpy_opencv_and_acl_alone(om_bundle: Callable[..., Path], images: Path, tmp_path: Path) -> None:
    """For every verb that runs there."""
    bundle = om_bundle()
    kit = tmp_path / "kit/VOC2007"
    for name in ("Annotations", "ImageSets/Main"):
        (kit / name).mkdir(parents=True)
    shutil.copytree(images, kit / "JPEGImages")
    (kit / "ImageSets/Main/test.txt").write_text("a\n")
    box = "<xmin>17</xmin><ymin>17</ymin><xmax>32</xmax><ymax>32</ymax>"
    found = f"<object><name>red</name><difficult>0</difficult><bndbox>{box}</bndbox></object>"
    (kit / "Annotations/a.xml").write_text(f"<annotation>{found}</annotation>")
    calls = [["detect", images, "--boxes"], ["speed", images], ["eval", kit.parent], ["check", ROOT / "models/demo"]]
    words = [[*map(str, call), *(["--model", str(bundle)] * (call[0] != "check"))] for call in calls]
    code = RUN.replace("sys.exit(main())", f"print([main(call) for call in {words!r}])")
    process = start(tmp_path, code=code)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert out.splitlines()[-1] == "[0, 0, 0, 0]", err
    assert "3 images" in out and err.count("on acl: ") == 3 and "stand-in acl" not in err


def old_generation(stream: dict[str, Any]) -> None:
    """mxpi_modelinfer, which runs the model and decodes its heads."""
    post = stream.pop("mxpi_objectpostprocessor0")["props"]
    stream["mxpi_modelinfer0"] = {**stream.pop("mxpi_tensorinfer0"), "factory": "mxpi_modelinfer"}
    stream["mxpi_modelinfer0"]["props"] = {
        "parentName": "mxpi_imageresize0",
        "modelPath": "model.om",
        **{key: post[key] for key in ("postProcessConfigPath", "labelPath")},
        "postProcessLibPath": "libMpYOLOv5PostProcessor.so",
    }
    stream["mxpi_modelinfer0"]["next"] = "mxpi_dataserialize0"
    stream["mxpi_imageresize0"]["next"] = "mxpi_modelinfer0"
    stream["mxpi_dataserialize0"]["props"] = {"outputDataKeys": "mxpi_modelinfer0"}


def test_the_older_elements_run_on_the_chip(
    acl: Any, call: Call, om_bundle: Callable[..., Path], images: Path, tmp_path: Path
) -> None:
    bundle = om_bundle()
    pipeline = json.loads((bundle / "detect.pipeline").read_text())
    old_generation(pipeline["detection"])
    (bundle / "old.pipeline").write_text(json.dumps(pipeline))
    for on in ("acl", "host"):
        arguments = ("--pipeline", bundle / "old.pipeline", "--on", on, "--boxes", "--out", tmp_path / on)
        numerics = ("--numerics", "board") if on == "host" else ()
        code, _, err = call("detect", images / "a.jpg", "--model", bundle, *arguments, *numerics)
        assert code == 0, err
    found = boxes(tmp_path / "acl")
    assert found == boxes(tmp_path / "host") and len(found["a.json"]["objects"]) == 3
    assert acl.S.calls["mdl.execute_async"] == 1


@pytest.mark.parametrize(("number", "exit_code"), [(2, 130), (15, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_gives_the_device_back(
    om_bundle: Callable[..., Path], images: Path, tmp_path: Path, number: int, exit_code: int
) -> None:
    bundle = om_bundle(sleep_ms=100)  # what is on the chip is waited for, so the signal takes as long
    for copy in range(160):
        shutil.copy(images / "a.jpg", images / f"x{copy}.jpg")
    process = start(tmp_path, "detect", images, "--model", bundle)
    assert process.stdout
    process.stdout.readline()  # it runs
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == exit_code, err
    assert "stand-in acl" not in err and "Traceback" not in err


SCRIPT = """
from StreamManagerApi import StreamManagerApi, MxDataInput
manager = StreamManagerApi()
assert manager.InitManager() == 0
assert manager.CreateMultipleStreams(open("detect.pipeline", "rb").read()) == 0
data = MxDataInput()
data.data = open("a.jpg", "rb").read()
unique_id = manager.SendDataWithUniqueId(b"detection", 0, data)
print(manager.GetResultWithUniqueId(b"detection", unique_id, 9000).data.decode())
raise SystemExit(0)  # without DestroyAllStreams
"""


def test_scripts_of_the_sdk_run_on_the_chip(om_bundle: Callable[..., Path], images: Path, tmp_path: Path) -> None:
    bundle = om_bundle()
    shutil.copy(images / "a.jpg", bundle)
    (bundle / "main.py").write_text(SCRIPT)
    process = start(bundle, "host", "main.py")
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert {found["classVec"][0]["className"] for found in json.loads(out)["MxpiObject"]} == {"red", "green", "blue"}
    assert re.search("note: .*model.om runs on the chip, Ascend310B4, by acl", err) and "stand-in" not in err


def test_txt_result_is_that_of_board_numerics(acl: Any, call: Call, shared: Path, tmp_path: Path) -> None:
    """To the last bit: the imitation of AIPP shares no code with the engine's."""
    found = sorted((shared / "data/bccd/VOCdevkit/VOC2007/JPEGImages").glob("*.jpg"))[:6]
    bundle = tmp_path / "bundle"
    shutil.copytree(ROOT / "models/demo", bundle)
    stand_in_atc.convert(bundle / "model.onnx", bundle / "model.om", bundle / "aipp.cfg")
    devkit = tmp_path / "kit/VOC2007"
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (devkit / name).mkdir(parents=True)
    names = []
    for number, file in enumerate(found):
        names.append(f"{number:06d}")
        shutil.copy(file, devkit / f"JPEGImages/{names[-1]}.jpg")
        (devkit / f"Annotations/{names[-1]}.xml").write_text(
            "<annotation><object><name>qrcode</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>1</ymin>"
            "<xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
        )
    (devkit / "ImageSets/Main/test.txt").write_text("\n".join(names) + "\n")
    for on in ("acl", "host"):
        code, _, err = call("eval", devkit.parent, "--model", bundle, "--on", on, "--out", tmp_path / on)
        assert code == 0, err
    files = sorted(file.name for file in (tmp_path / "acl/txt_result").glob("*.txt"))
    assert len(files) >= 3
    for name in files:
        one, other = ((tmp_path / on / "txt_result" / name).read_bytes() for on in ("acl", "host"))
        assert one == other and name
