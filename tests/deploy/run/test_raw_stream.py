"""A post-processor in Python run by the driver on raw tensors: on the host engine, and on a board that refuses it."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deploy.errors import ModelError
from deploy.host.api import MxDataInput, StreamManagerApi
from deploy.run.pipeline_file import PipelineFile
from deploy.run.raw_pipeline import RawDecoder, has_python_post, raw_pipeline
from deploy.run.raw_stream import RawStream
from deploy.run.stream import Engine, Stream, find_engine
from tests.deploy.six_heads import make_six_heads

ROOT = Path(__file__).resolve().parents[3]
KEYS = ("mxpi_tensorinfer0", "mxpi_imageresize0", "mxpi_imagedecoder0")


@pytest.fixture
def bundle(tiny_bundle, monkeypatch):
    folder = make_six_heads(tiny_bundle())
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def pipeline(bundle):
    return PipelineFile(bundle / "detect.pipeline", bundle)


@pytest.fixture
def images(blob_jpeg):
    return [
        blob_jpeg([(1, 2, 0), (6, 3, 2)], 256, 192, cell=32),
        blob_jpeg([]),
        blob_jpeg([(7, 7, 1)]),
    ]


def outcomes(stream, images):
    with stream:
        ids = [stream.send(image) for image in images]
        assert min(ids) >= 0, stream.refusal()
        return [stream.receive(unique_id) for unique_id in ids]


def exact(results):
    """Everything to the last bit of a float32, which is what a text tells."""
    assert not any(outcome.fault for outcome in results)
    return [[(*found[:2], *map(np.float32, found[2:])) for found in outcome.objects] for outcome in results]


@pytest.mark.parametrize("numerics", ["float", "board"])
def test_the_driver_finds_what_the_stream_finds(pipeline, images, numerics):
    engine, name = find_engine("host"), pipeline.stream_name
    inside = outcomes(Stream(engine, pipeline.text, name, numerics), images)
    outside = outcomes(RawStream(engine, raw_pipeline(pipeline), name, numerics), images)
    assert [len(outcome.objects) for outcome in outside] == [2, 0, 1]
    assert [found.name for found in outside[0].objects] == ["red", "blue"]
    assert outside[0].objects[0][3:] == pytest.approx((32, 64, 64, 96), abs=1.5)
    assert exact(outside) == exact(inside)


def test_thresholds_of_one_run(pipeline, images):
    pipeline.set_thresholds(0.9999, None)
    found = outcomes(RawStream(find_engine("host"), raw_pipeline(pipeline), pipeline.stream_name), images)
    assert [outcome.objects for outcome in found] == [[], [], []]


def test_a_bad_image_is_a_fault_and_ends_nothing(pipeline, images):
    sent = [images[0], b"no image", images[2]]
    found = outcomes(RawStream(find_engine("host"), raw_pipeline(pipeline), pipeline.stream_name), sent)
    assert [len(outcome.objects) for outcome in found] == [2, 0, 1]
    assert "not a JPEG" in found[1].fault and not found[0].fault and not found[2].fault


def test_what_is_cut_off(pipeline):
    end = raw_pipeline(pipeline)
    assert end.keys == KEYS
    assert end.values["pythonModule"] == "deploy.postprocess.yolov8"
    stream = json.loads(end.text)[pipeline.stream_name]
    assert set(stream) == {"stream_config", "appsrc0", *KEYS, "appsink0"}
    assert stream["mxpi_tensorinfer0"]["next"] == "appsink0"
    assert "mxpi_objectpostprocessor0" in pipeline.elements  # the file's own text stays


def changed(pipeline, change):
    streams = json.loads(pipeline.text)
    change(streams[pipeline.stream_name])
    pipeline.path.write_text(json.dumps(streams))
    return PipelineFile(pipeline.path, pipeline.folder)


def without_resizer(stream):
    del stream["mxpi_imageresize0"]
    stream["mxpi_imagedecoder0"]["next"] = "mxpi_tensorinfer0"
    stream["mxpi_tensorinfer0"]["props"]["dataSource"] = "mxpi_imagedecoder0"


def with_queues(stream):
    stream["queue0"] = {"factory": "queue", "next": "mxpi_dataserialize0"}
    stream["mxpi_objectpostprocessor0"]["next"] = ["queue0"]


def in_cpp(stream):
    stream["mxpi_objectpostprocessor0"]["props"]["funcLanguage"] = "c++"


def branching(stream):
    stream["appsink1"] = {"factory": "appsink"}
    stream["mxpi_tensorinfer0"]["next"] = ["mxpi_objectpostprocessor0", "appsink1"]


def drawing(stream):
    stream["mxpi_objectpostprocessor0"]["next"] = "mxpi_object2osdinstances0"
    stream["mxpi_object2osdinstances0"] = {"factory": "mxpi_object2osdinstances", "next": "mxpi_dataserialize0"}


def circle(stream):
    stream["appsink0"]["next"] = "mxpi_imagedecoder0"


def nowhere(stream):
    stream["mxpi_dataserialize0"]["next"] = "appsink7"


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        pytest.param(without_resizer, (KEYS[0], KEYS[2]), id="no resizer"),
        pytest.param(with_queues, KEYS, id="queues"),
    ],
)
def test_other_chains(pipeline, images, change, keys):
    pipeline = changed(pipeline, change)
    assert raw_pipeline(pipeline).keys == keys
    engine, name = find_engine("host"), pipeline.stream_name
    whole = outcomes(Stream(engine, pipeline.text, name), images[2:])
    assert exact(outcomes(RawStream(engine, raw_pipeline(pipeline), name), images[2:])) == exact(whole)
    assert whole[0].objects


@pytest.mark.parametrize(
    ("change", "word"),
    [
        pytest.param(in_cpp, '"funcLanguage": "python"', id="a C++ library"),
        pytest.param(branching, "one chain", id="branches"),
        pytest.param(circle, "one chain", id="a circle"),
        pytest.param(nowhere, "one chain", id="a link to nothing"),
        pytest.param(drawing, "only a post-processor", id="something else behind"),
    ],
)
def test_what_cannot_be_cut(pipeline, change, word):
    pipeline = changed(pipeline, change)
    assert has_python_post(pipeline) == (change is not in_cpp)
    with pytest.raises(ModelError, match=word):
        raw_pipeline(pipeline)


class Entry:
    def __init__(self, name, message, code=0):
        self.messageName, self.messageBuf, self.errorCode = name.encode(), message, code


class Api:
    """Answers GetProtobuf with `entries`."""

    def __init__(self, entries):
        self.entries = entries

    def InitManager(self):
        return 0

    CreateMultipleStreams = SetNumerics = lambda self, *_: 0
    DestroyAllStreams = InitManager

    def SendData(self, *_):
        return 0

    def GetProtobuf(self, *_):
        return self.entries

    def LastError(self):
        return "the reason"


def messages_of(pipeline, image):
    """What a stream's GetProtobuf gives for an image, by key."""
    manager = StreamManagerApi()
    manager.InitManager()
    assert manager.CreateMultipleStreams(raw_pipeline(pipeline).text) == 0, manager.LastError()
    entry = MxDataInput()
    entry.data = image
    manager.SendData(pipeline.stream_name, 0, entry)
    found = manager.GetProtobuf(pipeline.stream_name, 0, KEYS)
    manager.DestroyAllStreams()
    return {item.messageName.decode(): item.messageBuf for item in found}


def test_answers_of_other_boards(pipeline, images):
    """Names may be the messages' types instead of the keys; messages may be of something else altogether."""
    messages = messages_of(pipeline, images[0])
    named = [Entry(key, messages[key]) for key in reversed(KEYS)]
    typed = [Entry("MxTools.SomeList", messages[key]) for key in KEYS]
    no_data = [Entry(KEYS[0], b"\x0a\x0c\x12\x0a\x32\x04\x01\x40\x10\x10\x3a\x02\x00\x00"), *typed[1:]]
    eight_bits = [Entry(KEYS[0], b"\x0a\x07\x12\x05\x32\x01\x01\x40\x04"), *typed[1:]]
    rows = [
        (named, 2, ""),
        (typed, 2, ""),
        ([Entry(KEYS[0], b"", 2006)], 0, "error 2006"),
        ([], 0, "without the model's tensors: the reason"),
        (typed[:2], 0, "without the model's tensors"),
        ([Entry(KEYS[0], b""), *typed[1:]], 0, "holds [0, 1] images"),
        ([Entry(KEYS[0], b"\xff"), *typed[1:]], 0, "ends too early"),
        (no_data, 0, "has 2 bytes; with outputDeviceId -1"),
        (eight_bits, 0, "element type 4"),
        ([Entry(KEYS[0], b"\x0a\x00"), *typed[1:]], 0, "the model's outputs are"),
    ]
    for entries, objects, word in rows:
        module = type("Sdk", (), {"MxDataInput": MxDataInput, "StreamManagerApi": lambda e=entries: Api(e)})
        module.StringVector = find_engine("host").module.StringVector
        stream = RawStream(Engine(module, True), raw_pipeline(pipeline), pipeline.stream_name)
        outcome = stream.receive(stream.send(b""))
        assert (len(outcome.objects), word in outcome.fault) == (objects, True), (word, outcome)


def test_a_post_processor_that_is_not_there(pipeline):
    def misspelt(stream):
        stream["mxpi_objectpostprocessor0"]["props"]["className"] = "Yolov8Postprocess"

    with pytest.raises(ModelError, match="did you mean"):
        RawDecoder(raw_pipeline(changed(pipeline, misspelt)))


BLOCK = """
import os, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["BLOCKED"].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def run(folder, *arguments, sdk=False, blocked="", **environment):
    path = str(folder / "sdk") if sdk else ""
    environment = {**os.environ, "PYTHONPATH": path, "BLOCKED": blocked, **environment}
    command = [sys.executable, str(ROOT / "deploy"), "detect", "set.txt", "images", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def board(bundle, pipeline, images):
    """A folder with the stand-in for the SDK, which answers with the host engine's own messages; as images and as
    answers the same files."""
    folder = bundle.parent
    (bundle / "model.om").write_bytes(b"om")
    (folder / "sdk").mkdir()
    (folder / "sdk/StreamManagerApi.py").write_text((ROOT / "tests/deploy/stand_in_sdk.py").read_text())
    (folder / "sdk/sitecustomize.py").write_text(BLOCK)
    (folder / "images").mkdir()
    for name, image in zip("abc", images):
        encoded = {key: base64.b64encode(m).decode() for key, m in messages_of(pipeline, image).items()}
        (folder / f"images/{name}.jpg").write_text(json.dumps([0, encoded]))
    (folder / "set.txt").write_text("a\nb\nc\n")
    return folder


WITHOUT = "cv2,onnxruntime,google,torch,ultralytics,compress,yaml,PIL"
FOUND = ["a: 2 objects (red x1, blue x1)", "b: 0 objects", "c: 1 object (green x1)"]


def test_a_board_that_refuses_python_in_its_streams(board):
    """With numpy alone; the same boxes as the host engine's."""
    done = run(board, "--model", "bundle", "--boxes", sdk=True, blocked=WITHOUT, REFUSES_PYTHON="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == FOUND
    assert "the SDK answers with 1016" in done.stderr and "as with --raw" in done.stderr
    listed = json.loads((board / "image_result/a.json").read_text())["objects"]
    assert [entry["class"] for entry in listed] == ["red", "blue"]
    assert listed[0]["box"] == pytest.approx([32, 64, 64, 96], abs=1.5)


def test_raw_is_an_option(board):
    done = run(board, "--model", "bundle", "--raw", sdk=True, blocked=WITHOUT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == FOUND
    assert "answers with" not in done.stderr
    created = json.loads((board / "bundle/created.json").read_text())["detection"]
    assert "mxpi_objectpostprocessor0" not in created


def test_a_board_without_numpy_says_so(board):
    done = run(board, "--model", "bundle", "--raw", sdk=True, blocked=f"numpy,{WITHOUT}")
    assert done.returncode == 5
    assert "decoding raw tensors needs numpy" in done.stderr


def test_on_the_host(board, images):
    for name, image in zip("abc", images):
        (board / f"images/{name}.jpg").write_bytes(image)
    done = run(board, "--model", "bundle", "--raw", "--on", "host")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == FOUND


def test_a_pipeline_with_a_library_has_no_raw_pipeline(tiny_bundle):
    folder = tiny_bundle(name="five")
    (folder.parent / "set.txt").write_text("a\n")
    (folder.parent / "images").mkdir()
    done = run(folder.parent, "--model", "five", "--raw", "--on", "host")
    assert done.returncode == 4
    assert "decoded by a post-processor in Python" in done.stderr
