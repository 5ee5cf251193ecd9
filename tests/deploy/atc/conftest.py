"""A workshop: a bundle, and a folder on PATH for programs that stand in for ATC."""

import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from deploy.atc.cli import main

ROOT = Path(__file__).resolve().parents[3]
STAND_IN = Path(__file__).with_name("stand_in.py")


class Workshop:
    def __init__(self, folder: Path, bundle: Path) -> None:
        self.folder = folder
        self.bundle = bundle
        self.om = bundle / "model.om"
        self.variables: dict[str, str] = {}
        (folder / "bin").mkdir()

    def atc(self, *lines: str) -> None:
        """Put a bash script of these lines on PATH as `atc`; without lines one that checks what it is given."""
        checked = [f'exec {shlex.quote(sys.executable)} {shlex.quote(str(STAND_IN))} "$@"']
        program = self.folder / "bin/atc"
        program.write_text("\n".join(["#!/bin/bash", *(lines or checked), ""]))
        program.chmod(0o755)

    def build(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """What build.sh starts, in this process; only ATC has one of its own."""
        command = [str(self.bundle), *map(str, arguments)]
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            for name, value in self.environment().items():
                patch.setenv(name, value)
            try:
                code = main(command)
            except SystemExit as ended:  # of the parser
                code = int(ended.code or 0)
        return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())

    def build_sh(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """The script itself."""
        environment = {**os.environ, **self.environment(), "AYS_PYTHON": sys.executable}
        command = ["bash", str(ROOT / "build.sh"), str(self.bundle), *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", **self.variables}

    def description(self) -> dict[str, Any]:
        described: dict[str, Any] = json.loads((self.bundle / "bundle.json").read_text())
        return described

    def describe(self, **changes: object) -> None:
        (self.bundle / "bundle.json").write_text(json.dumps({**self.description(), **changes}))


@pytest.fixture
def workshop(tmp_path: Path, tiny_bundle: Callable[..., Path]) -> Workshop:
    return Workshop(tmp_path, tiny_bundle(name="my bundle"))
