"""prune writes checkpoint and plan together, and never over a plan that somebody edited."""

import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from compress.cli import main
from compress.nets.checkpoint import save_checkpoint
from compress.nets.yolov5 import Yolov5


@pytest.fixture
def prune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least_model: Callable[..., Yolov5]) -> Callable[..., int]:
    monkeypatch.chdir(tmp_path)
    save_checkpoint(least_model(), "w.safetensors", [])
    words = ("prune", "--weights", "w.safetensors", "--align", "2", "--out", "p.safetensors")
    return lambda *more: main([*words, *more])


def content() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Path().iterdir()}


def edit() -> None:
    plan = json.loads(Path("p.plan.json").read_text())
    Path("p.plan.json").write_text(json.dumps(plan, indent=4))


def test_an_edited_plan_is_not_written_over(prune: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert prune("--percent", "0.3") == 0
    assert prune("--percent", "0.4") == 0, "its own plan is replaced"
    edit()
    before = content()
    assert prune("--percent", "0.5") == 2
    assert "p.plan.json: would be replaced, but is not the plan that prune wrote" in capsys.readouterr().err
    assert content() == before
    assert prune("--plan", "p.plan.json") == 0, "the plan that is applied stays as it is"
    assert content()["p.plan.json"] == before["p.plan.json"]
    Path("p.safetensors").unlink()
    assert prune("--percent", "0.5") == 2, "a plan without its checkpoint is somebody's too"


def test_on_a_full_disk_both_stay_as_they_were(prune: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert prune("--percent", "0.3") == 0
    before = content()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(len(before["p.plan.json"]) * 2, 4096)
    assert size < len(before["p.safetensors"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        assert prune("--percent", "0.4") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: p.safetensors: ") and "bytes have to be written" in error
    assert content() == before
    assert prune("--percent", "0.4") == 0
