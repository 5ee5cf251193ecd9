"""What the edge side may import: never the compressor's world, and on a board hardly anything."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

IMPORT_ALL = """
import importlib, sys
root, blocked, *names = sys.argv[1:]

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked.split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
sys.path.insert(0, root)
for name in names:
    importlib.import_module(name)
"""


def _modules(*packages: str) -> list[str]:
    files = [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]
    return [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]


EDGE = _modules("deploy", "compute_mAP")
BOARD = [name for name in _modules("deploy") if not name.startswith(("deploy.host.", "deploy.postprocess."))]
POST = _modules("deploy/postprocess")
HOST = [name for name in _modules("deploy/host") if name != "deploy.host.model.onnx_network"]


@pytest.mark.parametrize(
    ("blocked", "names"),
    [
        pytest.param("torch,ultralytics,compress,onnx,yaml,PIL", EDGE, id="the edge side without the compressor"),
        pytest.param("torch,ultralytics,compress,cv2,onnxruntime,google", POST, id="post-processing with numpy alone"),
        pytest.param("torch,ultralytics,compress,onnxruntime", HOST, id="the host engine without a backend for models"),
        pytest.param("torch,ultralytics,compress,numpy,cv2,onnxruntime", BOARD, id="the board with nothing at all"),
    ],
)
def test_modules_import_without(blocked: str, names: list[str]) -> None:
    assert len(names) > 10
    command = [sys.executable, "-c", IMPORT_ALL, str(ROOT), blocked, *names]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
