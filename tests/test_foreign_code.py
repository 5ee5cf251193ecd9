"""No start of Python by this project runs modules of the current folder."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHELL_SCRIPTS = [ROOT / "run.sh", ROOT / "build.sh", ROOT / ".ci/run", *sorted((ROOT / "benchmarks").glob("*.sh"))]
PROGRAMS = [
    path for top in ("compress", "deploy", "compute_mAP", "benchmarks") for path in sorted((ROOT / top).rglob("*.py"))
]
CLEANS_ITS_PATH = "sys.path[:] = filter(None, sys.path)"
SHELLS = {"bash", "sh"}
PYTHON = r"""(?:\S*python\S*|"\$\w+")"""
"""A word of a shell script that may start Python: its name, or a variable."""


def shell_starts(text: str) -> Iterator[str]:
    """Lines that start Python with -c or -m and leave the current folder on its path."""
    for line in text.splitlines():
        if line.lstrip().startswith("#") or CLEANS_ITS_PATH in line:
            continue
        for options in re.findall(rf"{PYTHON}((?: +-\S+)*? +-[cm])(?=\s|$)", line):
            if not re.search(r" -[IP]\b", options):
                yield line


def python_starts(text: str) -> Iterator[str]:
    """Argument lists with -c or -m, and shell commands in strings, that leave the current folder on Python's path."""
    if not any(word in text for word in ("-c", "-m", "exec python")):
        return  # most programs have none of them, and parsing all takes seconds
    tree = ast.parse(text)
    cleaning = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
        and str(node.value.value).lstrip().startswith(f"import sys\n{CLEANS_ITS_PATH}\n")
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple)):
            words = [entry.value if isinstance(entry, ast.Constant) else None for entry in node.elts]
            for index, word in enumerate(words):
                behind = node.elts[index + 1 : index + 2]
                cleans = [entry for entry in behind if isinstance(entry, ast.Name) and entry.id in cleaning]
                before = set(words[:index])
                if index and word in ("-c", "-m") and not cleans and not before & {"-I", "-P", *SHELLS}:
                    yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "exec python" in node.value:
            yield from shell_starts(node.value)


@pytest.mark.parametrize("path", SHELL_SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_shell_scripts_start_no_python_on_the_current_folder(path: Path) -> None:
    assert list(shell_starts(path.read_text(encoding="utf-8"))) == []


def test_programs_start_no_python_on_the_current_folder() -> None:
    found = {str(path): list(python_starts(path.read_text(encoding="utf-8"))) for path in PROGRAMS}
    assert {path: starts for path, starts in found.items() if starts} == {}


@pytest.mark.parametrize(
    ("starts", "text", "found"),
    [
        pytest.param(shell_starts, '"$PYTHON" -m pip install', True, id="-m"),
        pytest.param(shell_starts, "x && python3 -c 'import json'", True, id="-c"),
        pytest.param(shell_starts, "python3 -u -m pip", True, id="another option"),
        pytest.param(shell_starts, '"$PYTHON" -I -m pip', False, id="isolated"),
        pytest.param(shell_starts, '"$PYTHON" "$ROOT/deploy" -m', False, id="an option of the program"),
        pytest.param(python_starts, '[sys.executable, "-m", "deploy"]', True, id="list"),
        pytest.param(python_starts, '[python, "-c", CODE]', True, id="code"),
        pytest.param(python_starts, f'A = "import sys\\n{CLEANS_ITS_PATH}\\n"\n[python, "-c", A]', False, id="clean"),
        pytest.param(python_starts, '[sys.executable, "-P", "-m", "deploy"]', False, id="safe list"),
        pytest.param(python_starts, '["bash", "-c", "exit"]', False, id="bash"),
        pytest.param(python_starts, '"exec python3 -c x"', True, id="a shell command for another machine"),
    ],
)  # fmt: skip
def test_the_scan_finds_what_it_looks_for(starts: object, text: str, found: bool) -> None:
    assert callable(starts)
    assert bool(list(starts(text))) == found


# modules of the standard library and others that our programs, Python's own start, venv and pip import
PLANTED = (
    *("StreamManagerApi", "MxpiDataType_pb2", "cv2", "numpy", "onnxruntime", "torch", "yaml", "pip", "venv"),
    *("json", "argparse", "pathlib", "subprocess", "multiprocessing", "runpy", "re", "site", "sitecustomize"),
    *("usercustomize", "compress", "deploy", "compute_mAP", "errors", "tqdm"),
)
OURS = ("compress", "deploy", "compute_mAP")


def plant(folder: Path) -> None:
    for name in PLANTED:
        if not (folder / name).exists():
            (folder / f"{name}.py").write_text(f"open({str(folder / 'foreign')!r}, 'a').write({name!r} + '\\n')\n")
    (folder / "matplotlibrc").write_text("text.usetex: True\n")


LIBRARY = '#include <stdio.h>\n__attribute__((constructor)) static void run(void) { fclose(fopen("foreign", "w")); }'


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """Torch's CUDA wheels have a library, libcusparseLt.so, that looks for this one in the current folder, which is an
    empty entry of its run path. None without a C compiler."""
    if not shutil.which("cc"):
        return None
    made = tmp_path_factory.mktemp("library") / "libcuda.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", made], input=LIBRARY, text=True, check=True)
    return made


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project in a folder of its own, with a detector of three layers, and foreign files beside its packages."""
    from compress.nets.checkpoint import save_checkpoint
    from compress.nets.yolov5 import Yolov5

    project = tmp_path_factory.mktemp("copy") / "project"
    for name in OURS:
        shutil.copytree(ROOT / name, project / name)  # with what Python has compiled
    shutil.copytree(ROOT / "models/demo", project / "models/demo")
    for name in ("run.sh", "build.sh"):
        shutil.copy(ROOT / name, project)
    layers = [[-1, 1, "Conv", [8, 3, 8]], [-1, 1, "Conv", [16, 3, 2]], [-1, 1, "Conv", [16, 3, 2]]]
    arch = {"nc": 1, "depth_multiple": 1.0, "width_multiple": 1.0, "anchors": [[10, 13, 16, 30, 33, 23]] * 3}
    head = [[[0, 1, 2], 1, "Detect", ["nc", "anchors"]]]
    detector = Yolov5({**arch, "backbone": layers, "head": head}, ["a"], 64)
    save_checkpoint(detector, project / "three_layers.safetensors", [])
    plant(project)
    return project


def pythons() -> list[str]:
    """The interpreter of the tests, and a Python 3.9, which has no -P, where there is one."""
    names = [sys.executable]
    old = shutil.which("python3.9")
    if old and subprocess.run([old, "-I", "-c", ""], capture_output=True).returncode == 0:
        names.append(old)
    return names


CHECK = ("run.sh", "check", "{root}/models/demo")
DETECT = ("run.sh", "detect", "set.txt", ".")
CODES = ("run.sh", "compress", "data", "codes", "--images", "7", "--workers", "2", "--out", "out")
GAMMAS = ("run.sh", "compress", "gammas", "{root}/three_layers.safetensors", "--out", "charts")
DATA = ("run.sh", "compress", "data", "check", "--data", "gone")


@pytest.mark.parametrize(
    ("command", "in_project", "empty_entry"),
    [
        pytest.param(CHECK, False, True, id="check, an empty entry in PYTHONPATH"),
        pytest.param(CHECK, True, False, id="check in the project"),
        pytest.param(("run.sh", "doctor"), False, False, id="doctor"),
        pytest.param(("run.sh", "push", "a b"), False, True, id="push"),
        pytest.param(("build.sh", "{root}/models/demo"), False, True, id="build"),
        pytest.param(("build.sh", "{root}/models/demo"), True, False, id="build in the project"),
        pytest.param(DETECT, False, True, id="detect"),
        pytest.param(DETECT, True, False, id="detect in the project"),
        pytest.param(("run.sh", "eval", "."), False, False, id="eval"),
        pytest.param(("run.sh", "host", "script/script.py"), False, True, id="host"),
        pytest.param(DATA, True, False, id="compress data in the project"),
        pytest.param(CODES, False, True, id="compress data, whose workers are processes"),
        pytest.param(GAMMAS, False, False, id="compress gammas, which needs torch and matplotlib"),
    ],
)
def test_modules_of_the_current_folder_do_not_run(
    copied: Path, library: Path | None, tmp_path: Path, command: tuple[str, ...], in_project: bool, empty_entry: bool
) -> None:
    folder = copied if in_project else tmp_path
    plant(folder)
    if library:
        shutil.copy(library, folder)
    (folder / "set.txt").write_text("missing\n")
    (folder / "script").mkdir(exist_ok=True)
    (folder / "script/script.py").write_text("import StreamManagerApi, json\n")
    known = {"PYTHONPATH": ":/nowhere:"} if empty_entry else {}
    for python in pythons() if command is CHECK else [sys.executable]:
        script, *words = (word.format(root=copied) for word in command)
        environment = {"PATH": "/usr/bin:/bin", "AYS_PYTHON": python, "HOME": str(tmp_path), **known}
        environment["XDG_CACHE_HOME"] = str(Path.home() / ".cache")  # matplotlib need not look for all fonts again
        done = subprocess.run(
            ["bash", str(copied / script), *words], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert not (folder / "foreign").exists(), (folder / "foreign").read_text()
        assert "Traceback" not in done.stderr, done.stderr
        if command is GAMMAS:
            assert done.returncode == 0, done.stderr
            assert list((folder / "charts").iterdir())  # where torch and matplotlib are imported is not where we stay


def test_a_stray_sdk_module_is_not_taken_for_a_board(tmp_path: Path) -> None:
    plant(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", str(ROOT / "run.sh"), "detect", "--help"], cwd=tmp_path, env=environment, capture_output=True
    )
    assert done.returncode == 0 and not (tmp_path / "foreign").exists()


def test_what_the_user_puts_on_pythonpath_stays(tmp_path: Path) -> None:
    (tmp_path / "sdk").mkdir()
    (tmp_path / "sdk/StreamManagerApi.py").write_text("print('mine')\n")
    environment = {"PATH": "/usr/bin:/bin", "AYS_PYTHON": sys.executable, "PYTHONPATH": "sdk"}
    (tmp_path / "set.txt").write_text("missing\n")
    done = subprocess.run(
        ["bash", str(ROOT / "run.sh"), "detect", "set.txt", "."], cwd=tmp_path, env=environment, capture_output=True
    )
    assert b"mine" in done.stdout
