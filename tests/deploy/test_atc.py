"""build.sh and deploy/atc.py, with a program `atc` on PATH that does what each test wants of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUCCESS = "echo 'ATC run success, welcome to the next use.'"


class Workshop:
    """A bundle, and a folder `bin` for a stand-in of ATC, a script of bash."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        self.folder = folder
        self.bundle = bundle
        self.om = bundle / "model.om"
        (folder / "bin").mkdir()

    def atc(self, *lines: str) -> None:
        program = self.folder / "bin/atc"
        program.write_text("\n".join(["#!/bin/bash", *lines, ""]))
        program.chmod(0o755)

    def build(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "AYS_PYTHON": sys.executable}
        command = ["bash", str(ROOT / "build.sh"), str(self.bundle), *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def describe(self, **changes: object) -> None:
        file = self.bundle / "bundle.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.fixture
def workshop(tmp_path: Path, tiny_bundle: Callable[..., Path]) -> Workshop:
    return Workshop(tmp_path, tiny_bundle(name="my bundle"))


def test_the_exact_command_runs_inside_the_bundle(workshop: Workshop) -> None:
    workshop.atc('printf "%s\\n" "$@" >arguments.txt', "echo om >model.om", SUCCESS)
    done = workshop.build()
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{workshop.om}\n"
    expected = json.loads((workshop.bundle / "bundle.json").read_text())["atc"][1:]
    assert (workshop.bundle / "arguments.txt").read_text().splitlines() == expected
    assert workshop.om.stat().st_mode & 0o777 == 0o640  # the SDK refuses more
    assert "ATC run success" in done.stderr


def test_another_chip(workshop: Workshop) -> None:
    workshop.atc('printf "%s\\n" "$@" >arguments.txt', "echo om >model.om", SUCCESS)
    assert workshop.build("--soc", "Ascend310P3").returncode == 0
    given = (workshop.bundle / "arguments.txt").read_text().splitlines()
    assert [entry for entry in given if entry.startswith("--soc_version")] == ["--soc_version=Ascend310P3"]
    assert len(given) == len(json.loads((workshop.bundle / "bundle.json").read_text())["atc"]) - 1


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        pytest.param(["echo om >model.om", "echo E10016: no such node"], "E10016: no such node", id="no success text"),
        pytest.param([SUCCESS], "but there is no", id="no file"),
        pytest.param(["exit 1"], "it says nothing", id="silence"),
        pytest.param(["echo om >model.om", "echo first", "echo last"], "ATC failed: last", id="no code"),
    ],
)
@pytest.mark.parametrize("old", [False, True], ids=["no OM before", "an OM before"])
def test_a_failure_says_why_and_leaves_what_was_there(
    workshop: Workshop, lines: list[str], sentence: str, old: bool
) -> None:
    if old:
        workshop.om.write_text("old")
    before = sorted(file.name for file in workshop.bundle.iterdir())
    workshop.atc(*lines)
    done = workshop.build()
    assert done.returncode == 1
    assert sentence in done.stderr.splitlines()[-1]
    assert sorted(file.name for file in workshop.bundle.iterdir()) == before
    assert not old or workshop.om.read_text() == "old"


def test_without_atc_it_says_what_to_source(workshop: Workshop) -> None:
    done = workshop.build()
    assert done.returncode == 5
    assert "no atc on PATH" in done.stderr and "set_env.sh" in done.stderr


def test_a_changed_model_is_not_converted(workshop: Workshop) -> None:
    workshop.atc("echo om >model.om", SUCCESS)
    with (workshop.bundle / "model.onnx").open("ab") as file:
        file.write(b"\0")
    done = workshop.build()
    assert done.returncode == 4 and "not the model that was exported" in done.stderr
    assert not workshop.om.exists()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        pytest.param(["rm", "-rf", "x"], "not an atc command", id="another program"),
        pytest.param(["atc", "model.onnx"], "not an atc command", id="not an option"),
        pytest.param(["atc", "--model=../m.onnx"], "--model", id="a model elsewhere"),
        pytest.param(
            ["atc", "--model=m.onnx", "--insert_op_conf=a.cfg", "--output=/tmp/x"], "--output", id="output elsewhere"
        ),
    ],
)
def test_commands_that_a_bundle_must_not_hold(workshop: Workshop, command: list[str], sentence: str) -> None:
    workshop.atc("touch ran", SUCCESS)
    workshop.describe(atc=command)
    done = workshop.build()
    assert done.returncode == 4 and sentence in done.stderr
    assert not (workshop.bundle / "ran").exists()


@pytest.mark.parametrize("arguments", [["--soc", "a b"], ["--soc", "--model=x"], ["--what"]])
def test_wrong_arguments(workshop: Workshop, arguments: list[str]) -> None:
    workshop.atc("echo om >model.om", SUCCESS)
    assert workshop.build(*arguments).returncode == 2
    assert not workshop.om.exists()
