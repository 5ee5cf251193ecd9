"""Where stages write: each under its own name, with the suffix that its verb asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compress.chain.placement import placed_options
from compress.chain.verbs import settings_of
from compress.commands.run import recipe_verbs

VERBS = recipe_verbs()


@pytest.mark.parametrize(
    ("verb", "options", "out"),
    [
        pytest.param("prune", {"weights": "w"}, "s.safetensors", id="a checkpoint"),
        pytest.param("prune", {"weights": "w", "plan-only": True}, "s.json", id="a plan alone"),
        pytest.param("pad", {"model": "m.onnx"}, "s.onnx", id="an ONNX file"),
        pytest.param("lint", {"model": "b"}, None, id="lint writes nothing"),
        pytest.param("lint", {"model": "b", "fix": True}, "s.onnx", id="but what it mends"),
        pytest.param("data anchors", {"data": "d", "cfg": "yolov5n"}, "s.yaml", id="an architecture"),
        pytest.param("data anchors", {"data": "d", "weights": "w"}, "s.safetensors", id="a checkpoint with anchors"),
        pytest.param("export", {"weights": "w"}, "s", id="a folder"),
        pytest.param("eval", {"devkit": "kit"}, "s", id="a folder of run.sh eval"),
        pytest.param("cost", {"model": "m"}, None, id="a verb without --out"),
    ],
)
def test_out(verb: str, options: dict[str, Any], out: str | None) -> None:
    placed = placed_options(VERBS[verb], options, Path("o"), "s")
    assert placed == ({} if out is None else {"out": str(Path("o", out))})
    assert type(settings_of(VERBS[verb], {**options, **placed})) is VERBS[verb].settings, "the verb takes it"


@pytest.mark.parametrize(
    ("begun", "state", "redo", "more"),
    [
        pytest.param(False, True, False, {}, id="not begun"),
        pytest.param(True, False, False, {}, id="begun, and nothing to go on with"),
        pytest.param(True, True, False, {"resume": True}, id="begun"),
        pytest.param(True, True, True, {"resume": True}, id="begun, what comes before was done again"),
    ],
)
def test_trainings(tmp_path: Path, begun: bool, state: bool, redo: bool, more: dict[str, Any]) -> None:
    if state:
        (tmp_path / "runs" / "s").mkdir(parents=True)
        (tmp_path / "runs" / "s" / "state.pt").touch()
    placed = placed_options(VERBS["finetune"], {"weights": "w", "data": "d"}, tmp_path, "s", begun, redo)
    assert placed == {"project": str(tmp_path / "runs"), "name": "s", **more}


def test_rounds_are_done_again_as_the_chain_is() -> None:
    placed = placed_options(VERBS["iterate"], {"weights": "w", "data": "d"}, Path("o"), "s", redo=True)
    assert placed == {"project": str(Path("o", "runs")), "name": "s", "redo": True}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("run", "r.yaml", "--out", "photos"), id="run"),
        pytest.param(("iterate", "--weights", "w", "--data", "d", "--project", ".", "--name", "photos"), id="iterate"),
        pytest.param(("demo", "--out", "photos"), id="demo"),
        pytest.param(("run", "r.yaml", "--out", "."), id="the current folder"),
    ],
)
def test_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    from compress.cli import main

    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("photos/a.jpg").write_bytes(b"mine")
    Path("r.yaml").write_text("stages:\n  - {stage: prune, weights: w.safetensors}\n")
    before = sorted(tmp_path.rglob("*"))
    assert main(list(words)) == 2
    assert "error: " in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
