"""Runs ATC: believes its success only with both its word and a file, and leaves no half-made OM."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.atc.crash import crash
from deploy.atc.said import explained
from deploy.atc.small_machine import limits, memory_of_machine
from deploy.console import note
from deploy.errors import ReportedError
from deploy.whole_file import write_new

SUCCESS = "ATC run success"
OWNER_AND_GROUP = 0o640
"""The SDK refuses an OM that others may read."""
FAILED_LOG = "atc.failed.log"
_BY_PRODUCTS = ("fusion_result.json", "kernel_meta")
"""What ATC leaves in the folder it runs in."""


def run_atc(program: str, command: list[str], om: Path) -> str:
    """Run `command` with `program` in the OM's folder and return what it said. An OM from before stays where it fails.

    Raises ReportedError where ATC fails; what it said then lies in the folder as atc.failed.log.
    """
    folder = om.parent
    failed_log = folder / FAILED_LOG
    there = [name for name in _BY_PRODUCTS if (folder / name).exists()]
    try:
        with _set_aside(om):
            status, output = _run([program, *command[1:]], folder)
            try:
                _check(status, output, om)
            except ReportedError as fault:
                write_new(failed_log, output.encode("utf-8", "backslashreplace"))
                raise ReportedError(f"{fault} (all of it: {failed_log})") from None
            om.chmod(OWNER_AND_GROUP)
    finally:
        for name in _BY_PRODUCTS:
            if name not in there:
                _remove(folder / name)
    failed_log.unlink(missing_ok=True)
    return output


def _check(status: int, output: str, om: Path) -> None:
    crashed = crash(status, output)
    if crashed:
        raise ReportedError(crashed)
    if SUCCESS not in output:
        raise ReportedError(f"ATC failed: {explained(output)}")
    if status:
        raise ReportedError(f"ATC says '{SUCCESS}', but it ended with exit code {status}; its OM was not taken")
    if not om.is_file() or not om.stat().st_size:
        raise ReportedError(f"ATC says '{SUCCESS}', but {om} {'is empty' if om.exists() else 'is not there'}")


@contextmanager
def _set_aside(file: Path) -> Iterator[None]:
    """Whatever happens inside, the file is a new one afterwards or the old one, never a part of one."""
    aside = file.with_name(f".{file.name}.ays-old")
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


def _run(command: list[str], folder: Path) -> tuple[int, str]:
    """Run a program and pass on to stderr what it says, as it comes; returns its exit status and all that it said.

    A signal that ended it is a negative status.
    """
    lines = []
    added = limits(os.environ, memory_of_machine())
    if added:
        settings = " ".join(f"{name}={value}" for name, value in added.items())
        note(f"this machine has little memory, so ATC compiles one operator at a time ({settings}); it takes longer")
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **added},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
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
    return process.returncode, "".join(lines)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
