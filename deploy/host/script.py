"""`deploy host SCRIPT ARGS...`: run a MindX script as it is, with the host engine in the SDK's place."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
MODULES = Path(__file__).resolve().parent / "sdk"  # StreamManagerApi, MxpiDataType_pb2, MxpiOSDType_pb2, mindx.sdk
USAGE = """usage: deploy host SCRIPT [ARGUMENTS]

Run a Python script that was written for MindX SDK: StreamManagerApi and MxpiDataType_pb2 are the host engine's.
Where the script's pipelines name model.om, model.onnx beside it is run.
"""


def main(arguments: Sequence[str]) -> int:
    """Run a script in the current folder, with sys.argv and sys.path as if Python ran it. Returns its exit code.

    What the script raises is shown as Python shows it, without the frames that lead to the script.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    script = Path(arguments[0])
    if not script.is_file():
        print(f"error: there is no script {script}", file=sys.stderr)
        return 2
    sys.argv = [str(script), *arguments[1:]]
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
