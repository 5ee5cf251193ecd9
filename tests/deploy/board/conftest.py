"""The loopback board, furnished as a 200DK is: a chip, CANN, the SDK's module, all stand-ins but for ssh itself."""

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from deploy.board.transfer import PAUSE
from deploy.cli import main

HERE = Path(__file__).parent
NPU_SMI = """#!/bin/sh
cat <<'END'
+------------------------------------------------------------------------------+
| npu-smi 21.0.3.1                     Version: 21.0.3.1                       |
+-------------------+-----------------+----------------------------------------+
| NPU     Name      | Health          | Power(W)          Temp(C)              |
| Chip    Device    | Bus-Id          | AICore(%)         Memory-Usage(MB)     |
+===================+=================+========================================+
| 0       310       | OK              | 8.0               45                   |
| 0       0         | NA              | 0                 2621 / 8192          |
+===================+=================+========================================+
END
"""


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def loopback() -> ModuleType:
    return _load("loopback")


@pytest.fixture(scope="session")
def bare_board(loopback: ModuleType) -> Iterator[Any]:
    sshd = loopback.need_sshd()
    folder = loopback.new_folder()
    try:
        with loopback.account(folder / "home") as user:
            board = loopback.Board(folder, sshd, user)
            try:
                yield board
            finally:
                board.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def board(bare_board: Any) -> Any:
    """The board with an empty home but for CANN 5.0.4, SDK 5.0.0 and a chip."""
    home = bare_board.home
    shutil.rmtree(home, ignore_errors=True)
    toolkit, sdk = home / "Ascend/ascend-toolkit", home / "MindX_SDK/mxVision-5.0.0"
    info = toolkit / "latest/aarch64-linux/ascend_toolkit_install.info"
    for folder in (info.parent, sdk / "python", home / "bin"):
        folder.mkdir(parents=True)
    info.write_text("package_name=Ascend-cann-toolkit\nversion=5.0.4\narch=aarch64\n")
    # As careless with variables and positional parameters as such files are.
    (toolkit / "set_env.sh").write_text("set -- a b\ncount=7\nexport ASCEND_SOURCED=yes\nfalse\n")
    (sdk / "set_env.sh").write_text(
        f'[ "$ASCEND_SOURCED" ] || exit 9\nexport MX_SDK_HOME="{sdk}"\n'
        'export PYTHONPATH="$MX_SDK_HOME/python:$PYTHONPATH"\necho sourced\n'
    )
    (sdk / "version.info").write_text("5.0.0\n")
    shutil.copy(HERE.parent / "stand_in_sdk.py", sdk / "python/StreamManagerApi.py")
    (home / "bin/npu-smi").write_text(NPU_SMI)
    (home / "bin/npu-smi").chmod(0o755)
    bare_board.give()
    return bare_board


@pytest.fixture
def pushed(board: Any) -> Path:
    """Where pushes end."""
    return Path(board.home / "ascend-yolo-slim-pushed")


@pytest.fixture
def bundle(tiny_bundle: Callable[..., Path]) -> Path:
    """A bundle with an OM, which the stand-in never opens."""
    folder = tiny_bundle()
    (folder / "model.om").write_bytes(b"om" * 1000)
    return folder


@pytest.fixture
def call(
    board: Any, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """call(verb, *arguments, port=..., known=...) runs push or doctor on the board: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deploy.board.transfer.PAUSE", PAUSE / 100)

    def run(verb: str, *arguments: object, **way: Any) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([verb, board.host, *board.options(**way), *map(str, arguments)])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err, captured.err
        return code, captured.out, captured.err

    return run


Found = tuple[str, int, float, float, float, float, float]


@pytest.fixture
def image(blob_jpeg: Callable[..., bytes]) -> Callable[..., bytes]:
    """image(blobs, answer) -> a JPEG that the host engine finds the blobs in (see blob_image) and for which the
    stand-in of the SDK answers with `answer`: (name, class id, confidence, x0, y0, x1, y1) each."""

    def build(blobs: Sequence[tuple[int, int, int]], answer: Sequence[Found]) -> bytes:
        listed = [
            {
                "classVec": [{"classId": c, "className": name, "confidence": conf, "headerVec": []}],
                **{"x0": x0, "y0": y0, "x1": x1, "y1": y1},
            }
            for name, c, conf, x0, y0, x1, y1 in answer
        ]
        comment = json.dumps([0, json.dumps({"MxpiObject": listed})]).encode()
        plain = blob_jpeg(blobs)
        return plain[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + plain[2:]

    return build
