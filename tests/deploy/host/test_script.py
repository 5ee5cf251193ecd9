"""`deploy host`: scripts written for the SDK run as they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.host import api as host_api
from deploy.host.api import StreamManagerApi
from deploy.host.sdk import StreamManagerApi as scripts_api
from tests.deploy.host.wiring import pipeline

pytest.importorskip("google.protobuf", reason="such scripts import messages")
ROOT = Path(__file__).resolve().parents[3]

# in the style of the SDK's own samples
SAMPLE = """
import sys
from StreamManagerApi import StreamManagerApi, MxDataInput, StringVector
import MxpiDataType_pb2 as MxpiDataType
from mindx.sdk import MxpiDataType_pb2
import helper  # lies beside the script

if __name__ == '__main__':
    assert MxpiDataType_pb2.MxpiObjectList is MxpiDataType.MxpiObjectList
    streamManagerApi = StreamManagerApi()
    ret = streamManagerApi.InitManager()
    if ret != 0:
        print("Failed to init Stream manager, ret=%s" % str(ret))
        exit()
    with open("detect.pipeline", 'rb') as f:
        pipelineStr = f.read()
    ret = streamManagerApi.CreateMultipleStreams(pipelineStr)
    if ret != 0:
        print("Failed to create Stream, ret=%s" % str(ret))
        exit()
    dataInput = MxDataInput()
    with open(sys.argv[1], 'rb') as f:
        dataInput.data = f.read()
    streamName = b'detection'
    ret = streamManagerApi.SendData(streamName, 0, dataInput)
    if ret < 0:
        exit()
    keyVec = StringVector()
    keyVec.push_back(b"mxpi_objectpostprocessor0")
    infer_result = streamManagerApi.GetProtobuf(streamName, 0, keyVec)
    if infer_result.size() == 0 or infer_result[0].errorCode != 0:
        exit()
    objects = MxpiDataType.MxpiObjectList()
    objects.ParseFromString(infer_result[0].messageBuf)
    print(helper.NAME, sys.argv[1:], [o.classVec[0].className for o in objects.objectVec])
    streamManagerApi.DestroyAllStreams()
"""


def run(script, *arguments, folder, way=("-m", "deploy"), options=()):
    command = [sys.executable, *way, "host", *options, str(script), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("way", [("-m", "deploy"), (str(ROOT / "deploy"),)], ids=["module", "path"])
def test_a_sample_runs_as_it_is(tiny_bundle, blob_jpeg, tmp_path, way):
    folder = tiny_bundle()
    (folder / "a.jpg").write_bytes(blob_jpeg([(1, 2, 0), (4, 4, 2)]))
    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.py").write_text(SAMPLE)
    (tmp_path / "app/helper.py").write_text("NAME = 'helped'\n")
    done = run(tmp_path / "app/main.py", "a.jpg", "--json", "-h", folder=folder, way=way)
    assert (done.stdout, done.returncode) == ("helped ['a.jpg', '--json', '-h'] ['red', 'blue']\n", 0), done.stderr


@pytest.mark.parametrize(
    ("text", "code", "stderr"),
    [
        pytest.param("import sys\nsys.exit(7)", 7, "", id="an exit code"),
        pytest.param("exit()", 0, "", id="exit without a code"),
        pytest.param("raise SystemExit('enough')", 1, "enough\n", id="exit with a text"),
    ],
)
def test_how_scripts_end(tmp_path, text, code, stderr):
    (tmp_path / "a.py").write_text(text)
    done = run("a.py", folder=tmp_path)
    assert (done.returncode, done.stderr) == (code, stderr)


def test_what_a_script_raises_is_its_own(tmp_path):
    (tmp_path / "a.py").write_text("def inner():\n    return {}['key']\n\n\ninner()\n")
    done = run("a.py", folder=tmp_path)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].strip() == 'File "a.py", line 5, in <module>'
    assert lines[-1] == "KeyError: 'key'"
    assert "runpy" not in done.stderr and "deploy" not in done.stderr


def test_a_package_that_is_missing(tmp_path):
    """Scripts import what the project does not; it says where that is to be installed."""
    (tmp_path / "a.py").write_text("import nosuch_package.inner\n")
    done = run("a.py", folder=tmp_path)
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'nosuch_package'" in done.stderr
    assert f"{sys.executable}, has no nosuch_package: install it there" in done.stderr
    assert "AYS_PYTHON" in done.stderr


@pytest.mark.parametrize("way", [("-m", "deploy"), (str(ROOT / "deploy"),)], ids=["module", "path"])
def test_where_scripts_find_modules(tmp_path, way):
    """Beside them, and where PYTHONPATH says, from its first entry on; not in the current folder."""
    for name in ("app", "one", "two", "here"):
        (tmp_path / name).mkdir()
    for name in ("one", "two", "here"):
        (tmp_path / name / f"module_{name}.py").write_text("")
    (tmp_path / "app/module_beside.py").write_text("")
    text = "import importlib.util\nfor n in ('beside', 'one', 'two', 'here'):\n"
    (tmp_path / "app/a.py").write_text(text + "    print(n, importlib.util.find_spec('module_' + n) is not None)\n")
    entries = [tmp_path / "one", tmp_path / "two", ROOT]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, entries))}
    command = [sys.executable, *way, "host", str(tmp_path / "app/a.py")]
    done = subprocess.run(command, cwd=tmp_path / "here", env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["beside", "True", "one", "True", "two", "True", "here", "False"], done.stderr


def test_a_script_that_is_no_python(tmp_path):
    (tmp_path / "a.py").write_text("def (:\n")
    done = run("a.py", folder=tmp_path)
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr
    assert "runpy" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["nosuch.py"], 2, "there is no script nosuch.py", id="no such script"),
        pytest.param(["--help"], 0, "usage: deploy host SCRIPT", id="help"),
    ],
)
def test_usage(tmp_path, arguments, code, words):
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == code
    assert words in done.stdout + done.stderr


def test_through_run_sh(tmp_path):
    (tmp_path / "a.py").write_text("import sys, StreamManagerApi\nprint(sys.argv, StreamManagerApi.__name__)\n")
    command = ["bash", str(ROOT / "run.sh"), "host", "a.py", "x"]
    environment = {**os.environ, "AYS_PYTHON": sys.executable}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "['a.py', 'x'] StreamManagerApi\n", done.stderr


# the SDK's tutorial ImageDetectionSample takes the decoder's image apart in this way
DECODED = """
import sys
import numpy as np
import MxpiDataType_pb2 as MxpiDataType
from StreamManagerApi import StreamManagerApi, MxDataInput, StringVector
api = StreamManagerApi()
api.InitManager()
api.CreateMultipleStreams(open("detect.pipeline", "rb").read())
data = MxDataInput()
data.data = open("a.jpg", "rb").read()
api.SendData(b"detection", 0, data)
keys = StringVector()
keys.push_back(b"mxpi_imagedecoder0")
visions = MxpiDataType.MxpiVisionList()
visions.ParseFromString(api.GetProtobuf(b"detection", 0, keys)[0].messageBuf)
info, image = visions.visionVec[0].visionInfo, visions.visionVec[0].visionData
pixels = np.frombuffer(image.dataStr, np.uint8).size
print(info.format, info.widthAligned, info.heightAligned, pixels == image.dataSize, pixels)
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param([], f"1 128 112 True {128 * 112 * 3 // 2}", id="as on the board"),
        pytest.param(["--numerics", "float"], f"13 128 112 True {128 * 112 * 3}", id="float"),
        pytest.param(["--numerics=float"], f"13 128 112 True {128 * 112 * 3}", id="float, with ="),
    ],
)
def test_images_are_those_of_the_numerics(tiny_bundle, blob_jpeg, tmp_path, options, expected):
    folder = tiny_bundle()
    (folder / "a.jpg").write_bytes(blob_jpeg([(1, 2, 0)], width=100, height=100))
    (folder / "a.py").write_text(DECODED)
    done = run("a.py", folder=folder, options=options)
    assert done.stdout.strip() == expected, done.stderr


def test_numerics_of_another_name(tmp_path):
    (tmp_path / "a.py").write_text("")
    done = run("a.py", folder=tmp_path, options=["--numerics", "half"])
    assert (done.returncode, done.stderr) == (2, "error: --numerics half: expected board or float\n")


SEND = 'api.CreateMultipleStreams(text); data.data = b"no image"; '


# each sentence names the element and the code, as the SDK's log does
@pytest.mark.parametrize(
    ("calls", "words"),
    [
        pytest.param(
            'api.CreateMultipleStreams(text.replace(b"model.om", b"other.om"))',
            ("CreateMultipleStreams: ", "mxpi_tensorinfer0", "there is no model other.onnx", "(Code = 1016, Message ="),
            id="no model",
        ),
        pytest.param(
            'api.CreateMultipleStreams(text.replace(b"libyolov3", b"libyolov7"))',
            ("mxpi_objectpostprocessor0", "libyolov7postprocess.so", "(Code = 1005, Message ="),
            id="a library of the app",
        ),
        pytest.param(
            "api.CreateMultipleStreams(text.replace(b'\"mxpi_dataserialize\"', b'\"mxpi_ownplugin\"'))",
            ("mxpi_dataserialize0", "mxpi_ownplugin", "(Code = 6014, Message ="),
            id="a plugin of the app",
        ),
        pytest.param(
            'api.CreateMultipleStreamsFromFile(b"nosuch.pipeline")',
            ("CreateMultipleStreamsFromFile: ", "nosuch.pipeline", "(Code = 1019, Message ="),
            id="no such file",
        ),
        pytest.param(
            'api.SendData(b"other", 0, data)',
            ("SendData: there is no stream other", "(Code = 6002, Message ="),
            id="no such stream",
        ),
        pytest.param(
            SEND + 'api.SendData(b"detection", 0, data); api.GetResult(b"detection", 0)',
            ("GetResult: mxpi_imagedecoder0: ", "(Code = 2019, Message ="),
            id="a buffer that fails",
        ),
        pytest.param(
            SEND + 'api.SendData(b"detection", 0, data); api.GetProtobuf(b"detection", 0, keys)',
            ("GetProtobuf: mxpi_imagedecoder0: ", "(Code = 2019, Message ="),
            id="a buffer that fails, fetched as messages",
        ),
        pytest.param(
            SEND
            + 'i = api.SendDataWithUniqueId(b"detection", 0, data); api.GetResultWithUniqueId(b"detection", i, 3000)',
            ("GetResultWithUniqueId: mxpi_imagedecoder0: ", "(Code = 2019, Message ="),
            id="a buffer that fails, fetched by id",
        ),
        pytest.param(
            'api.CreateMultipleStreams(text); api.GetResult(b"detection", 0, 1)',
            ("GetResult: no result within 1 ms", "(Code = 6010, Message ="),
            id="nothing comes",
        ),
    ],
)
def test_failures_are_said(tiny_bundle, monkeypatch, capsys, calls, words):
    folder = tiny_bundle()
    monkeypatch.chdir(folder)
    api = scripts_api.StreamManagerApi()
    api.InitManager()
    known = {"api": api, "data": scripts_api.MxDataInput(), "keys": scripts_api.StringVector()}
    exec(calls, known | {"text": (folder / "detect.pipeline").read_bytes()})  # in the way that scripts do it
    api.DestroyAllStreams()
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert all(word in line for word in words), line


SLOW = """
import time

class Slow:
    def __init__(self, **_):
        pass

    def process(self, tensors):
        time.sleep(0.4)
        return [[]]
"""
PULLS = [
    pytest.param('api.SendData(b"s", 0, data); r = api.GetResult(b"s", 0, 20)', id="GetResult"),
    pytest.param('api.SendData(b"s", 0, data); r = api.GetResult(b"s", b"appsink0", keys, 20)', id="with keys"),
    pytest.param('i = api.SendDataWithUniqueId(b"s", 0, data); r = api.GetResultWithUniqueId(b"s", i, 20)', id="by id"),
]


@pytest.mark.parametrize(("manager", "code"), [(scripts_api.StreamManagerApi, 0), (StreamManagerApi, 6010)])
@pytest.mark.parametrize("calls", PULLS)
def test_a_slow_machine_is_waited_for(tiny_bundle, blob_jpeg, monkeypatch, manager, code, calls):
    """Limits that scripts give are made for a chip; tools of the project that ask for a limit get it."""
    folder = tiny_bundle()
    monkeypatch.chdir(folder)
    (folder / "slow.py").write_text(SLOW)
    api = manager()
    api.InitManager()
    chain = "appsrc0 mxpi_imagedecoder0 mxpi_imageresize0 mxpi_tensorinfer0 mxpi_classpostprocessor0 appsink0"
    slow = {"funcLanguage": "python", "pythonModule": "slow", "className": "Slow", "postProcessLibPath": "."}
    text = pipeline(chain, mxpi_tensorinfer0={"modelPath": "model.om"}, mxpi_classpostprocessor0=slow)
    assert api.CreateMultipleStreams(text) == 0, api.LastError()
    known = {"api": api, "data": scripts_api.MxDataInput(), "keys": scripts_api.StringVector()}
    known["data"].data = blob_jpeg([], 128, 128)
    exec(calls, known)
    api.DestroyAllStreams()
    assert known["r"].errorCode in (code, code and 1001)  # with keys the SDK says 1001


@pytest.mark.parametrize(
    "call",
    [
        pytest.param('api.GetResult(b"s", 0, 20).errorCode', id="GetResult"),
        pytest.param('6010 if api.GetProtobuf(b"s", 0, keys).size() == 0 else 0', id="GetProtobuf"),
    ],
)
def test_a_buffer_that_nobody_sends_is_not_waited_for(blob_jpeg, monkeypatch, call):
    """Two appsrcs that meet, and only one of them was sent to."""
    monkeypatch.setattr(host_api, "DELAY_TIME", 50)
    api = scripts_api.StreamManagerApi()
    api.InitManager()
    text = pipeline("appsrc0 mxpi_imagedecoder0 mxpi_opencvosd0:0 appsink0", "appsrc1 mxpi_opencvosd0:1")
    assert api.CreateMultipleStreams(text) == 0, api.LastError()
    data = scripts_api.MxDataInput()
    data.data = blob_jpeg([], 128, 128)
    assert api.SendData(b"s", 0, data) == 0
    assert eval(call, {"api": api, "keys": scripts_api.StringVector()}) == 6010
    api.DestroyAllStreams()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param('api.GetProtobuf(b"detection", 0, keys)', id="GetProtobuf"),
        pytest.param('api.GetResult(b"detection", b"appsink0", keys)', id="GetResult"),
    ],
)
def test_missing_metadata_are_said(tiny_bundle, blob_jpeg, monkeypatch, capsys, call):
    folder = tiny_bundle()
    monkeypatch.chdir(folder)
    api, data = scripts_api.StreamManagerApi(), scripts_api.MxDataInput()
    api.InitManager()
    api.CreateMultipleStreams((folder / "detect.pipeline").read_bytes())
    data.data = blob_jpeg([])
    api.SendData(b"detection", 0, data)
    exec(call, {"api": api, "keys": scripts_api.StringVector([b"mxpi_objectpostprocessor0"])})
    api.DestroyAllStreams()
    said = capsys.readouterr().err
    assert ": the buffer holds mxpi_imagedecoder0, " in said and call[4:13] in said
    assert "nothing of mxpi_objectpostprocessor0" in said
