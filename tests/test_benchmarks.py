"""The programs in benchmarks/ start from anywhere; what they measure takes too long for a test."""

import ast
import importlib
import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.rank_correlation import kendall_tau, tau_interval

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


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.sh")), ids=lambda file: file.name)
def test_scripts_say_what_they_want(file):
    for given in ([], ["a", "b"]):
        done = subprocess.run(["bash", str(file), *given], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"usage: bash benchmarks/{file.name} ")


@pytest.mark.parametrize("numbers", [("0", "8", "1"), ("24", "eight", "1"), ("24", "8", "a[$(touch here)]")])
def test_codes_takes_numbers_alone(numbers, tmp_path):
    done = subprocess.run(["bash", FOLDER / "codes.sh", "out", *numbers], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "expected a number from 1" in done.stderr
    assert not list(tmp_path.iterdir()), "nothing is made, and nothing in the words is run"


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_it_imports_is_there(name):
    """Also what it imports hours later, inside of its functions."""
    tree = ast.parse((FOLDER / name).read_text(encoding="utf-8"))
    wanted = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and _is_ours(node.module)]
    for node in wanted:
        module = importlib.import_module(node.module)
        for alias in node.names:
            inner = hasattr(module, "__path__") and importlib.util.find_spec(f"{node.module}.{alias.name}")
            assert inner or hasattr(module, alias.name), f"{node.module}.{alias.name}"


def _is_ours(module):
    return (module or "").split(".")[0] in ("compress", "deploy", "compute_mAP", "tests", "benchmarks")


def test_the_table_wants_titles(tmp_path):
    command = [sys.executable, str(FOLDER / "compare.py"), "VOCdevkit", str(tmp_path), "bundle"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.endswith("error: each bundle has a title: TITLE=BUNDLE\n")


def test_what_the_check_and_the_sdk_agree_on(tmp_path):
    """A file that is not there is no fault of a pipeline; one whose verdict is not known is not counted."""
    model = '"mxpi_tensorinfer0": {"props": {"modelPath": "a.om"}, "factory": "mxpi_tensorinfer", "next": "appsink0"}'
    ends = '"appsrc0": {"factory": "appsrc", "next": "%s"}, "appsink0": {"factory": "appsink"}'
    for name, text in {
        "good": f'{{"s": {{{ends % "mxpi_tensorinfer0"}, {model}}}}}',
        "bad": f'{{"s": {{{ends % "appsink1"}}}}}',
        "broken": "{",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "list").write_text("good\taccepted\tas a test says\nbad\trefused\nbad\taccepted\nbroken\tunknown\n")
    command = [sys.executable, str(FOLDER / "pipelines.py"), str(tmp_path), str(tmp_path / "list")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, *rest = done.stdout.splitlines()
    assert first.startswith("bad: accepted, check says line 1: ")
    assert rest == ["accepted: the check agrees about 1 of 2", "refused: the check agrees about 1 of 1"]


@pytest.mark.parametrize(
    "first, second, tau",
    [
        ((1, 2, 3, 4), (0.1, 0.2, 0.3, 0.9), 1.0),
        ((1, 2, 3, 4), (9, 7, 3, 1), -1.0),
        ((1, 2, 3), (1, 3, 2), 1 / 3),  # two pairs agree, one does not
        ((12, 2, 1, 12, 2), (1, 4, 7, 1, 0), -0.4714045207910317),  # ties in both: SciPy's documented example
        ((1, 1, 2), (1, 2, 3), 2 / math.sqrt(2 * 3)),  # a tie in one
    ],
)
def test_kendall_tau(first, second, tau):
    assert kendall_tau(first, second) == pytest.approx(tau)


def test_tau_of_what_does_not_vary():
    assert math.isnan(kendall_tau((1, 1, 1), (1, 2, 3)))
    assert all(math.isnan(end) for end in tau_interval((1, 1, 1), (1, 2, 3)))


def test_the_interval_of_tau():
    first = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    second = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]
    low, high = tau_interval(first, second)
    assert low < kendall_tau(first, second) < high < 1
    assert low > 0.4, "twelve that are almost in order"
    assert tau_interval(first, second) == (low, high), "the same at each call"
