"""`deploy host [--numerics N] SCRIPT ARGS...`: run a MindX script as it is, with the host engine in the SDK's place."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from deploy.host.log import speak
from deploy.host.numerics import NAMES, set_default

ROOT = Path(__file__).resolve().parents[2]
MODULES = Path(__file__).resolve().parent / "sdk"  # StreamManagerApi, MxpiDataType_pb2, MxpiOSDType_pb2, mindx.sdk
USAGE = """usage: deploy host SCRIPT [ARGUMENTS]
       deploy host --numerics board|float SCRIPT [ARGUMENTS]

Run a Python script that was written for MindX SDK: StreamManagerApi, MxpiDataType_pb2 and mindx.sdk are the host
engine's. Where the script's pipelines name model.om, model.onnx beside it is run.

  --numerics board   compute as the chip does: images are NV12, AIPP is in integers, models are float16 (default)
  --numerics float   images are BGR, models compute as they are

What fails is said on stderr, with the SDK's code and the element. docs/scripts.md says what runs.
"""


def main(arguments: Sequence[str]) -> int:
    """Run a script in the current folder, with sys.argv and sys.path as if Python ran it. Returns its exit code.

    What the script raises is shown as Python shows it, without the frames that lead to the script.
    """
    numerics, rest = "board", list(arguments)
    if rest and rest[0].partition("=")[0] == "--numerics":
        _, equals, numerics = rest.pop(0).partition("=")
        if not equals:
            numerics = rest.pop(0) if rest else ""
        if numerics not in NAMES:
            print(f"error: --numerics {numerics}: expected board or float", file=sys.stderr)
            return 2
    if not rest or rest[0] in ("-h", "--help"):
        print(USAGE, end="", file=sys.stdout if rest else sys.stderr)
        return 0 if rest else 2
    script = Path(rest[0])
    if not script.is_file():
        print(f"error: there is no script {script}", file=sys.stderr)
        return 2
    set_default(NAMES[numerics])
    speak()
    sys.argv = [str(script), *rest[1:]]
    # the SDK's modules come first: a script's own copy of MxpiDataType_pb2 would collide with the one in use
    sys.path[:1] = [str(MODULES), str(script.resolve().parent)]
    sys.path = [*(path for path in sys.path if path != str(ROOT)), str(ROOT)]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        _show(error, script)
        return 130
    except BaseException as error:
        _show(error, script)
        return 1
    return 0


def _show(error: BaseException, script: Path) -> None:
    trace: TracebackType | None = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename != str(script):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)
