"""The command `ascend-yolo-slim`: the verbs of `run.sh` with the Python that it is installed in, nothing set up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version

from ascend_yolo_slim.root import ROOT

EDGE = ("detect", "speed", "eval", "check", "host", "push", "doctor")
_USAGE = """usage: ascend-yolo-slim VERB [ARGUMENTS]

  detect, speed, eval, check, host   run a detector or a script through its pipeline, score it, check its files
  push, doctor, build                the way to the board
  compress VERB ...                  the compressor: train, sparsify, prune, finetune, export, quantize, report, ...
  demo                               the whole job on the data and the model that come with it

ascend-yolo-slim VERB --help lists the options; the same as bash run.sh VERB in a clone of the project."""
_OFFLINE = {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true"}
"""Nothing is to be installed or fetched behind the user's back (run.sh)."""


def program_of(words: Sequence[str]) -> list[str]:
    """The program of a verb, as arguments for a process; [] where there is no such verb."""
    verb, rest = words[0], list(words[1:])
    if verb in EDGE:
        return [sys.executable, str(ROOT / "deploy"), verb, *rest]
    if verb == "build":
        return [sys.executable, str(ROOT / "deploy" / "atc"), *rest]
    if verb == "compress":
        return [sys.executable, "-P", str(ROOT / "compress"), *rest]
    return [sys.executable, "-P", str(ROOT / "compress"), "demo", *rest] if verb == "demo" else []


def main() -> int:
    """Runs the verb in this process's place; returns the exit code where there is none, or where that cannot be."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        print(_USAGE, file=sys.stdout if words else sys.stderr)
        return 0 if words else 2
    if words[0] == "--version":
        print(version("ascend-yolo-slim"))
        return 0
    program = program_of(words)
    if not program:
        print(f"error: there is no verb '{words[0]}'\n{_USAGE}", file=sys.stderr)
        return 2
    if "-P" in program and sys.version_info < (3, 11):
        print("error: the compressor needs Python 3.11 or later", file=sys.stderr)
        return 5
    environment = {**os.environ, **_OFFLINE}
    if os.name == "posix":
        os.execve(program[0], program, environment)  # noqa: S606 - a list of arguments, as in run.sh
    return subprocess.call(program, env=environment)
