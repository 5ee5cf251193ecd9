"""`deploy host [--numerics N] [--on O] SCRIPT ARGS...`: run a MindX script with the host engine in the SDK's place."""

from __future__ import annotations

import importlib.util
import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from deploy.acl.find_acl import find_acl
from deploy.host import backend
from deploy.host.log import log, speak
from deploy.host.numerics import NAMES, numerics_for, set_default
from deploy.module_path import leave_out

ROOT = Path(__file__).resolve().parents[2]
MODULES = Path(__file__).resolve().parent / "sdk"  # StreamManagerApi, MxpiDataType_pb2, MxpiOSDType_pb2, mindx.sdk
USAGE = """usage: deploy host SCRIPT [ARGUMENTS]
       deploy host [--numerics board|float] [--on acl|host] SCRIPT [ARGUMENTS]

Run a Python script that was written for MindX SDK: StreamManagerApi, MxpiDataType_pb2 and mindx.sdk are the host
engine's. Where the script's pipelines name model.om, model.onnx beside it is run.

  --numerics board   compute as the chip does: images are NV12, AIPP is in integers, models are float16 (default)
  --numerics float   images are BGR, models compute as they are
  --on acl           run the .om itself on the chip, by CANN's module acl (default where acl imports, the .om is there
                     and the MindX SDK is not)
  --on host          run model.onnx on this machine's CPU

What fails is said on stderr, with the SDK's code and the element. docs/scripts.md says what runs.
"""


def main(arguments: Sequence[str]) -> int:
    """Run a script in the current folder, with sys.argv and sys.path as if Python ran it. Returns its exit code.

    What the script raises is shown as Python shows it, without the frames that lead to the script.
    """
    chosen, rest = {"--numerics": "", "--on": ""}, list(arguments)
    while rest and rest[0].partition("=")[0] in chosen:
        option, equals, value = rest.pop(0).partition("=")
        if not equals:
            value = rest.pop(0) if rest else ""
        expected = tuple(NAMES) if option == "--numerics" else ("acl", "host")
        if value not in expected:
            print(f"error: {option} {value}: expected {' or '.join(expected)}", file=sys.stderr)
            return 2
        chosen[option] = value
    if not rest or rest[0] in ("-h", "--help"):
        print(USAGE, end="", file=sys.stdout if rest else sys.stderr)
        return 0 if rest else 2
    script = Path(rest[0])
    if not script.is_file():
        print(f"error: there is no script {script}", file=sys.stderr)
        return 2
    speak()
    if fault := _prepare(chosen["--numerics"], chosen["--on"]):
        print(f"error: {fault}", file=sys.stderr)
        return 5
    sys.argv = [str(script), *rest[1:]]
    # the SDK's modules come first: a script's own copy of MxpiDataType_pb2 would collide with the one in use
    leave_out(str(Path.cwd()))
    sys.path[:0] = [str(MODULES), str(script.resolve().parent)]
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


def _prepare(numerics: str, on: str) -> str:
    """Set how streams compute. Returns what is missing for it, "" if nothing is."""
    found = find_acl() if on == "acl" or (not on and importlib.util.find_spec("StreamManagerApi") is None) else None
    if found is None or (not on and found.why):
        set_default(NAMES[numerics or "board"])
        return ""
    if found.why:
        return f"the chip cannot be used through acl: {found.why}"
    if numerics == "float":
        log.warning("--numerics float is for models on the CPU; the chip computes as it does")
    set_default(numerics_for("board", found.soc))
    backend.set_default(backend.ACL if on else backend.ACL_IF_BUILT)
    return ""


def _show(error: BaseException, script: Path) -> None:
    trace: TracebackType | None = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename != str(script):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)
    if isinstance(error, ModuleNotFoundError) and error.name and not (script.parent / error.name).exists():
        package = error.name.partition(".")[0]
        print(
            f"note: the Python that runs scripts, {sys.executable}, has no {package}: install it there, as in\n"
            f"      {sys.executable} -m pip install PACKAGE, or name another Python in AYS_PYTHON",
            file=sys.stderr,
        )
