"""The model that comes with the project is built in a copy that git ignores; every other bundle in its own folder."""

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.atc import shipped
from deploy.atc.build import build
from deploy.bundle import open_bundle
from deploy.errors import EnvironmentFault, UsageError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    demo = Path(shutil.copytree(shipped.SHIPPED, tmp_path / "models" / "demo"))
    monkeypatch.setattr(shipped, "SHIPPED", demo)
    monkeypatch.setattr(shipped, "BUILT", tmp_path / "build" / "demo")
    monkeypatch.setenv("PATH", str(tmp_path))  # no atc there
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_shipped_bundle_stays_as_it_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo, built = project / "models" / "demo", project / "build" / "demo"
    before = contents(demo)
    for soc in ("Ascend310P3", "Ascend310B4"):
        with pytest.raises(EnvironmentFault):
            build(demo, soc)
        assert contents(demo) == before
        assert f"--soc_version={soc}" in open_bundle(built).atc
    assert f"a copy of it is built in {built}" in capsys.readouterr().err
    assert [entry.name for entry in built.parent.iterdir()] == ["demo"]


def test_another_bundle_is_built_where_it_is(project: Path) -> None:
    other = Path(shutil.copytree(project / "models" / "demo", project / "mine"))
    assert shipped.place_to_build(other) == other
    assert not (project / "build").exists()


def test_what_else_lies_there_is_not_touched(project: Path) -> None:
    built = project / "build" / "demo"
    built.mkdir(parents=True)
    (built / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not a copy of the bundle"):
        build(project / "models" / "demo")
    assert [file.name for file in built.iterdir()] == ["mine.txt"]


def test_git_ignores_the_copy() -> None:
    done = subprocess.run(["git", "check-ignore", "-q", "build/demo/model.om"], cwd=shipped.ROOT)
    assert done.returncode in (0, 128)  # 128: the project was not cloned
