"""The edge side runs where torch, ultralytics and the compressor do not exist."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import sys
for name in ("torch", "torchvision", "ultralytics", "onnx", "compress"):
    sys.modules[name] = None  # importing it raises ImportError
from deploy.host.api import MxDataInput, StreamManagerApi
api = StreamManagerApi()
assert api.InitManager() == 0
assert api.CreateMultipleStreamsFromFile("detect.pipeline") == 0, api.LastError()
data = MxDataInput()
data.data = open("image.jpg", "rb").read()
assert api.SendData("detection", 0, data) == 0
result = api.GetResult("detection", 0)
assert result.errorCode == 0, result.data
api.DestroyAllStreams()
print(result.data.decode())
"""


def test_an_image_through_the_stream(tiny_bundle, blob_jpeg):
    folder = tiny_bundle()
    (folder / "image.jpg").write_bytes(blob_jpeg([(2, 3, 2)]))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert '"className":"blue"' in done.stdout
