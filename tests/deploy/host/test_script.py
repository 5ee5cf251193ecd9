"""`deploy host`: scripts written for the SDK run as they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def run(script, *arguments, folder, way=("-m", "deploy")):
    command = [sys.executable, *way, "host", str(script), *arguments]
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
