"""Turns a bundle's ONNX into an OM with the very ATC command that the bundle holds: `python deploy/atc.py BUNDLE`."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

if not __package__:
    # Run by its path: Python then looks for modules in this folder, where the packages are not.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from compute_mAP.errors import EnvironmentFault, ModelError, ReportedError, UsageError
from deploy.bundle import Bundle, open_bundle
from deploy.console import exit_code, note

SUCCESS = "ATC run success"
FILE_OPTIONS = ("--model", "--output", "--insert_op_conf")
OWNER_AND_GROUP = 0o640
"""The SDK refuses an OM that others may read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the path of the OM on stdout, ATC's own words on stderr. Returns the exit code, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="build.sh",
        description="Convert a bundle's ONNX to an OM with ATC (CANN toolkit), run inside the bundle's folder.",
        allow_abbrev=False,
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the bundle's folder")
    parser.add_argument("--soc", metavar="VERSION", help="the chip, such as Ascend310 (default: what the bundle says)")
    options = parser.parse_args(arguments)
    return exit_code(lambda: print(build(options.bundle, options.soc)))


def build(folder: Path, soc: str | None = None) -> Path:
    """Run ATC and return the OM's path. An OM from before stays where ATC fails.

    Raises ModelError for a faulty bundle, UsageError for a `soc` that is no chip's name, EnvironmentFault where there
    is no ATC, ReportedError where it fails: success needs both its word for it and a file.
    """
    bundle = open_bundle(folder)
    for sentence in bundle.notes:
        note(sentence)
    command = _command(bundle, soc)
    program = shutil.which("atc")
    if program is None:
        raise EnvironmentFault(
            "there is no atc on PATH; source the set_env.sh of the CANN toolkit first, such as "
            "/usr/local/Ascend/ascend-toolkit/set_env.sh or $HOME/Ascend/ascend-toolkit/set_env.sh"
        )
    om = bundle.folder / (_option(command, "--output") + ".om")
    with _set_aside(om):
        print(f"running in {bundle.folder}: {' '.join(command)}", file=sys.stderr)
        output = _run([program, *command[1:]], bundle.folder)
        if SUCCESS not in output:
            raise ReportedError(f"ATC failed: {_reason(output)}")
        if not om.is_file():
            raise ReportedError(f"ATC says '{SUCCESS}', but there is no {om}")
        om.chmod(OWNER_AND_GROUP)
    return om


def _command(bundle: Bundle, soc: str | None) -> list[str]:
    """The bundle's command, with another chip where one is named. Its files must lie in the bundle's folder."""
    if soc is not None and not re.fullmatch(r"\w+", soc, re.ASCII):
        raise UsageError(f"--soc {soc!r}: expected the name of a chip, such as Ascend310")
    command = list(bundle.atc)
    if command[0] != "atc" or not all(entry.startswith("--") for entry in command[1:]):
        raise ModelError(f"{bundle.folder}: 'atc' in bundle.json is not an atc command with options only")
    for option in FILE_OPTIONS:
        name = _option(command, option)
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise ModelError(f"{bundle.folder}: {option} of the atc command is {name!r}; expected a file of the bundle")
    if soc is not None:
        command = [entry for entry in command if not entry.startswith("--soc_version=")] + [f"--soc_version={soc}"]
    return command


def _option(command: Sequence[str], option: str) -> str:
    return next((entry.partition("=")[2] for entry in command if entry.startswith(option + "=")), "")


@contextmanager
def _set_aside(file: Path) -> Iterator[None]:
    """Whatever happens inside, the file is a new one afterwards or the old one, never a part of one."""
    aside = file.with_name(file.name + ".old")
    if file.exists():
        file.replace(aside)
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        if aside.exists():
            aside.replace(file)
        raise
    aside.unlink(missing_ok=True)


def _run(command: list[str], folder: Path) -> str:
    """Run a program and pass on to stderr what it says, as it comes; returns all of it."""
    lines = []
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace")
            print(line, end="", file=sys.stderr, flush=True)
            lines.append(line)
        process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return "".join(lines)


def _reason(output: str) -> str:
    """ATC's line with an error code such as E10016, else its last words."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    coded = [line for line in lines if re.search(r"\bE[0-9A-Z]{5}\b", line)]
    return (coded or lines[-1:] or ["it says nothing"])[0]


if __name__ == "__main__":
    sys.exit(main())
