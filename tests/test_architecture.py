"""Imports between rooms run one way: the order is in pyproject.toml, [tool.importlinter]."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("compress", "deploy", "compute_mAP")
MOST_FILES = 24  # more than that side by side, and nobody finds anything by its name
# what is planted -> the file it goes into, and the arrow that the report has to name
PLANTED = {
    "import compress.cli": ("deploy/console.py", "deploy.console -> compress.cli"),
    "import deploy.console": ("compute_mAP/report.py", "compute_mAP.report -> deploy.console"),
    "import deploy.run.speed": ("deploy/results/detections.py", "deploy.results.detections -> deploy.run.speed"),
    "import deploy.host.api": ("deploy/host/metadata/values.py", "deploy.host.metadata.values -> deploy.host.api"),
    "import compress.train.loop": ("compress/nets/family.py", "compress.nets.family -> compress.train.loop"),
    "import deploy.results.folder": ("deploy/results/detections.py", ".detections -> .folder"),
    "import deploy.results.txt_result": ("deploy/results/folder.py", ".folder -> .txt_result"),
    "import deploy.results.detections": ("deploy/results/txt_result.py", ".txt_result -> .detections"),
}

pytest.importorskip("importlinter", reason="import-linter, which needs Python 3.10, is not installed")


def linted(tree: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    arguments = ["--no-cache", "--no-logo", str(ROOT / "pyproject.toml")]
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, encoding="utf-8", timeout=120)


def test_imports_run_one_way() -> None:
    done = linted(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_planted_imports_are_found(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=lambda _, names: {"__pycache__"} & set(names))
    for line, (file, _) in PLANTED.items():
        with (tmp_path / file).open("a", encoding="utf-8") as stream:
            stream.write(f"\n{line}\n")
    done = linted(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    # of the circle of three, the report names one arrow whose end would open it
    circle = {arrow for _, arrow in PLANTED.values() if arrow.startswith(".")}
    missed = {arrow for _, arrow in PLANTED.values() if arrow not in done.stdout}
    assert missed < circle and len(missed) == 2, done.stdout


def test_a_room_has_its_place_in_the_order(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=lambda _, names: {"__pycache__"} & set(names))
    (tmp_path / "deploy/attic").mkdir()
    (tmp_path / "deploy/attic/__init__.py").touch()
    done = linted(tmp_path)
    assert done.returncode == 1 and "attic" in done.stdout + done.stderr, done.stdout + done.stderr


def test_no_folder_is_crowded() -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py") if file.name != "__init__.py"]
    counts = Counter(file.parent.relative_to(ROOT).as_posix() for file in files)
    assert len(counts) > 30
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}
