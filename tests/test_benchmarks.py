"""The programs in benchmarks/ start from anywhere; what they measure takes too long for a test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
PROGRAMS = sorted(file.name for file in FOLDER.glob("*.py") if "__main__" in file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_starts(name, tmp_path):
    """One of them is called compress.py, which hid the package from its neighbours."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, str(FOLDER / name), "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {name}")


def test_the_table_wants_titles(tmp_path):
    command = [sys.executable, str(FOLDER / "compare.py"), "VOCdevkit", str(tmp_path), "bundle"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.endswith("error: each bundle has a title: TITLE=BUNDLE\n")
