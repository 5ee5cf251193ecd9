"""The board mode, on a stand-in for the SDK's Python module that is as strict as the real one.

The stand-in answers each "image" with what that image's own bytes say, so that every answer of an SDK can be had.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Done = subprocess.CompletedProcess[str]

SDK = (Path(__file__).parent / "stand_in_sdk.py").read_text()

# Python imports a module of this name by itself; it makes modules look as if they were not installed.
BLOCK = """
import os, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["BLOCKED"].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""

EVERYTHING_ELSE = "numpy,cv2,onnxruntime,onnx,torch,ultralytics,compress,yaml,PIL"


class Board:
    """A folder with the stand-in for the SDK, a bundle with its OM, images, and a way to run commands there."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        self.folder = folder
        self.bundle = bundle
        (bundle / "model.om").write_bytes(b"om")
        (folder / "sdk").mkdir()
        (folder / "sdk/StreamManagerApi.py").write_text(SDK)
        (folder / "sdk/sitecustomize.py").write_text(BLOCK)
        (folder / "images").mkdir()

    def image(self, name: str, text: str, code: int = 0) -> None:
        (self.folder / "images" / f"{name}.jpg").write_text(json.dumps([code, text]))
        with (self.folder / "set.txt").open("a") as file:
            file.write(name + "\n")

    def run(self, verb: str, *arguments: object, blocked: str = EVERYTHING_ELSE, python: str = sys.executable) -> Done:
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "sdk"), "BLOCKED": blocked}
        command = [python, str(ROOT / "deploy"), verb, *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def detect(self, *arguments: object, blocked: str = EVERYTHING_ELSE) -> Done:
        return self.run("detect", "set.txt", "images", "--model", self.bundle, *arguments, blocked=blocked)

    def evaluate(self, text: str) -> Done:
        """Run eval on a devkit with one image, on which the stream answers with `text`."""
        devkit = self.folder / "VOCdevkit/VOC2007"
        for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
            (devkit / folder).mkdir(parents=True)
        (devkit / "ImageSets/Main/test.txt").write_text("a\n")
        box = "<xmin>2</xmin><ymin>3</ymin><xmax>30</xmax><ymax>40</ymax>"
        found = f"<object><name>red</name><difficult>0</difficult><bndbox>{box}</bndbox></object>"
        (devkit / "Annotations/a.xml").write_text(f"<annotation>{found}</annotation>")
        (devkit / "JPEGImages/a.jpg").write_text(json.dumps([0, text]))
        return self.run("eval", "VOCdevkit", "--model", self.bundle)


def python_3_9() -> str:
    """An interpreter of a board's version, or an empty text."""
    known = [shutil.which("python3.9") or "", *map(str, (Path.home() / ".pyenv/versions").glob("3.9.*/bin/python"))]
    for candidate in filter(None, known):
        done = subprocess.run([candidate, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True)
        if done.stdout.strip() == b"(3, 9)":
            return candidate
    return ""


@pytest.fixture
def board(tmp_path: Path, tiny_bundle: Callable[..., Path]) -> Board:
    return Board(tmp_path, tiny_bundle())


def objects(*entries: tuple[str, int, object, float, float, float, float]) -> str:
    """The text of mxpi_dataserialize for (name, class id, confidence, x0, y0, x1, y1) each."""
    listed = [
        {
            "classVec": [{"classId": c, "className": name, "confidence": confidence, "headerVec": []}],
            **{"x0": x0, "y0": y0, "x1": x1, "y1": y1},
        }
        for name, c, confidence, x0, y0, x1, y1 in entries
    ]
    return json.dumps({"MxpiObject": listed})


RED = ("red", 0, 0.5, 1, 2, 30.5, 40)
DETECTED_RED = "a 0.500000 1.000000 2.000000 30.500000 40.000000\n"


def test_detect_needs_the_standard_library_and_the_sdk_only(board: Board) -> None:
    board.image("a", objects(RED, RED))
    board.image("b", objects())
    done = board.detect("--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == {
        "schema_version": 1,
        "images": 2,
        "failed_images": 0,
        "objects": {"red": 2},
        "out": str(board.folder / "image_result"),
        "host": False,
    }
    drawn_later = json.loads((board.folder / "image_result/a.json").read_text())
    assert drawn_later["objects"][0] == {"class": "red", "class_id": 0, "confidence": 0.5, "box": [1, 2, 30.5, 40]}
    assert json.loads((board.folder / "image_result/b.json").read_text())["objects"] == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="new post-processor, no objects"),
        pytest.param("{}", id="old post-processor, no objects"),
        pytest.param(' (Code = 0, Message = "Success") ', id="an empty buffer becomes the text of its code"),
        pytest.param('{"MxpiVision":[]}', id="another key"),
        pytest.param("null", id="no object at all"),
        pytest.param('{"MxpiObject":null}', id="no list"),
    ],
)
def test_answers_without_objects_are_not_failures(board: Board, text: str) -> None:
    board.image("a", text)
    done = board.detect()
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "a: 0 objects")


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        pytest.param("decode jpeg fail", 2006, "error 2006: decode jpeg fail", id="an error code with its text"),
        pytest.param('{"MxpiObject":[{"x0":1}]}', 0, "another form than MxpiObject", id="an object without a class"),
        pytest.param('{"MxpiObject":7}', 0, "another form than MxpiObject", id="objects that are no list"),
        pytest.param(objects(("red", 0, "NaN", 1, 2, 3, 4)), 0, "not finite", id="protobuf writes NaN as a text"),
    ],
)
def test_a_failed_image_is_reported_and_the_run_goes_on(board: Board, text: str, code: int, sentence: str) -> None:
    board.image("bad", text, code)
    board.image("good", objects(RED))
    done = board.detect()
    assert done.returncode == 0
    assert "image bad failed: " in done.stderr and sentence in done.stderr
    assert done.stdout.splitlines()[0] == "good: 1 object (red x1)"
    assert (board.folder / "image_result/failed_images.txt").read_text() == "bad\n"


def test_on_python_3_9(board: Board) -> None:
    python = python_3_9()
    if not python:
        pytest.skip("no Python 3.9 here")
    board.image("a", objects(RED))
    done = board.run("detect", "set.txt", "images", "--model", board.bundle, python=python)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "a: 1 object (red x1)"


def test_results_come_in_order_through_a_stream_that_refuses_a_third_image(board: Board) -> None:
    names = [f"p{i}" for i in range(20)]
    for i, name in enumerate(names):
        board.image(name, objects(*[RED] * (i % 3)))
    done = board.detect()
    assert [line.split()[:2] for line in done.stdout.splitlines()[:20]] == [
        [f"{name}:", str(i % 3)] for i, name in enumerate(names)
    ]


def test_the_pipeline_is_passed_on_byte_for_byte(board: Board) -> None:
    board.image("a", "")
    board.detect()
    assert (board.bundle / "created.json").read_bytes() == (board.bundle / "detect.pipeline").read_bytes()


def test_thresholds_go_to_the_board_as_configuration_content(board: Board) -> None:
    board.image("a", "")
    assert board.detect("--conf", "0.25").returncode == 0
    props = json.loads((board.bundle / "created.json").read_text())["detection"]["mxpi_objectpostprocessor0"]["props"]
    content = props["postProcessConfigContent"]
    assert (content["SCORE_THRESH"], content["OBJECTNESS_THRESH"], content["IOU_THRESH"]) == ("0.25", "0.25", "0.5")
    assert "postProcessConfigPath" not in props
    assert all(isinstance(value, str) for value in content.values())


def pulling(board: Board) -> Path:
    """The bundle's pipeline, pulling and decoding its video on the chip."""
    stream = json.loads((board.bundle / "detect.pipeline").read_text())["detection"]
    del stream["appsrc0"], stream["mxpi_imagedecoder0"]
    stream["mxpi_rtspsrc0"] = {"factory": "mxpi_rtspsrc", "next": "mxpi_videodecoder0"}
    stream["mxpi_videodecoder0"] = {"factory": "mxpi_videodecoder", "next": "mxpi_imageresize0"}
    path = board.bundle / "detect.video.pipeline"
    path.write_text(json.dumps({"detection": stream}))
    return path


def test_a_stream_that_pulls_video_needs_no_opencv(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = pulling(board)
    answers = [[0, objects(RED)], [6010, ""], [2009, "decode fail"], [0, objects(RED, RED)]]
    monkeypatch.setenv("PULLED", json.dumps(answers))
    arguments = ("--model", board.bundle, "--pipeline", pipeline)
    done = board.run("detect", "rtsp://user:secret@10.0.0.1/live", *arguments, "--frames", 3)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["frame"] for line in lines] == [0, 1, 2] and "error 2009: decode fail" in lines[1]["fault"]
    assert [len(line.get("objects", [])) for line in lines] == [1, 0, 2]
    assert "3 frames in" in done.stderr and "1 failed" in done.stderr and "secret" not in done.stderr
    created = json.loads((board.bundle / "created.json").read_text())["detection"]
    assert created["mxpi_rtspsrc0"]["props"] == {"rtspUrl": "rtsp://user:secret@10.0.0.1/live"}
    (board.folder / "a.h264").write_bytes(b"\0\0\0\1g")
    done = board.run("detect", "a.h264", *arguments)
    assert done.returncode == 2 and "pulls rtsp://ADDRESS and no files" in done.stderr


def test_speed_tells_that_it_ran_on_the_board(board: Board) -> None:
    board.image("a", objects(RED))
    done = board.run("speed", "set.txt", "images", "--model", board.bundle, "--json")
    report = json.loads(done.stdout)
    assert (report["host"], report["plugins_ms"], report["stages_ms"], report["images"]) == (False, {}, {}, 1)
    assert report["on"] == "board" and report["model"]["sha256"] == hashlib.sha256(b"om").hexdigest()
    assert report["images_per_second"] > 0 and 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]


def test_a_pipeline_alone_is_run_in_the_current_folder(board: Board) -> None:
    board.image("a", "")
    for name in ("labels.names", "detect.cfg", "model.om"):
        (board.folder / name).write_bytes((board.bundle / name).read_bytes())
    done = board.run("detect", "set.txt", "images", "--pipeline", "bundle/detect.pipeline")
    assert done.returncode == 0, done.stderr
    assert (board.folder / "created.json").is_file()


def test_eval_keeps_the_detections_where_the_board_has_no_numpy(board: Board) -> None:
    done = board.evaluate(objects(RED))
    assert done.returncode == 5
    assert "needs numpy" in done.stderr and "reval_voc.py" in done.stderr
    assert (board.folder / "txt_result/det_test_red.txt").read_text() == DETECTED_RED
    assert (board.folder / "txt_result/det_test_blue.txt").read_text() == ""


def test_an_object_of_an_unknown_class_is_a_fault_of_the_model(board: Board) -> None:
    done = board.evaluate(objects(("", 7, 0.5, 1, 2, 3, 4)))
    assert done.returncode == 4 and "class id 7" in done.stderr
    assert not (board.folder / "txt_result").exists()


def test_a_missing_om_says_how_to_make_it(board: Board) -> None:
    board.image("a", "")
    (board.bundle / "model.om").unlink()
    done = board.detect()
    assert done.returncode == 4
    assert "model.om is missing" in done.stderr and "build.sh" in done.stderr


def test_a_refused_stream_is_one_sentence_with_the_code(board: Board) -> None:
    board.image("a", "")
    pipeline = board.folder / "other.pipeline"
    pipeline.write_text('{"detection": {"refused": {}}}')
    done = board.detect("--pipeline", pipeline)
    assert done.returncode == 4
    assert "6015" in done.stderr


def test_on_host_does_not_touch_the_sdk(board: Board) -> None:
    board.image("a", "")
    done = board.detect("--on", "host")
    assert done.returncode == 5  # the host engine's own modules are blocked
    assert "with onnxruntime, which is not here" in done.stderr


def test_on_board_without_the_sdk_says_what_to_source(board: Board) -> None:
    board.image("a", "")
    done = board.detect("--on", "board", blocked="StreamManagerApi")
    assert done.returncode == 5
    assert "set_env.sh" in done.stderr


def test_an_sdk_that_does_not_import_is_mentioned(board: Board) -> None:
    board.image("a", "")
    (board.folder / "sdk/StreamManagerApi.py").write_text("raise ImportError('libmxbase.so not found')")
    done = board.detect()
    assert "StreamManagerApi is there but cannot be imported" in done.stderr and "libmxbase.so" in done.stderr
