"""A training that is killed with SIGKILL resumes, and ends as the unbroken one does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compress.cli import main
from compress.nets.checkpoint import load_checkpoint, save_checkpoint
from tests.compress.processes import compress

EPOCHS = 4


def rows(run: Path) -> list[dict[str, Any]]:
    file = run / "results.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def killed(command: list[str], folder: Path, ready: Callable[[], bool]) -> None:
    """Start a command of compress in a folder and kill it with SIGKILL as soon as it is ready for that."""
    process = compress(*command, folder=folder)
    deadline = time.monotonic() + 900
    while not ready() and process.code is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    _, err = process.end()
    assert process.code == -9, f"it ended before it was killed: {err}"


@pytest.mark.long
@pytest.mark.parametrize(
    ("stage", "options"),
    [
        pytest.param("train", ["--workers", "0", "--close-mosaic", "2"], id="train, images loaded by the trainer"),
        pytest.param("sparsify", ["--workers", "1", "--sr", "auto", "--accumulate", "2"], id="a steered sparse run"),
    ],
)
def test_killed(
    stage: str,
    options: list[str],
    least_model: Callable[..., Any],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tiny_data()
    save_checkpoint(least_model(), tmp_path / "w.safetensors", [])
    common = ["--data", "tiny/data.yaml", "--weights", "w.safetensors", "--imgsz", "64", "--batch-size", "4"]
    command = [stage, *common, "--epochs", str(EPOCHS), *options]
    broken = tmp_path / "runs" / "broken"
    killed([*command, "--name", "broken"], tmp_path, lambda: len(rows(broken)) >= 2 and (broken / "state.pt").is_file())
    done = len(rows(broken))
    assert done < EPOCHS
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--name", "broken", "--resume"]) == 0
    assert main([*command, "--name", "unbroken"]) == 0
    found, expected = rows(broken), rows(tmp_path / "runs" / "unbroken")
    assert [row["epoch"] for row in found] == list(range(1, EPOCHS + 1))
    for part in ("box", "objectness", "classes", "map50_95"):
        np.testing.assert_allclose([r[part] for r in found], [r[part] for r in expected], rtol=0.01, atol=1e-5)
    assert [row["sr"] for row in found] == [row["sr"] for row in expected]
    if stage == "sparsify":
        assert len((broken / "gammas.jsonl").read_text().splitlines()) == EPOCHS
    kept = [tmp_path / "runs" / name / "weights" / "best.safetensors" for name in ("broken", "unbroken")]
    histories = [load_checkpoint(file)[1] for file in kept]
    assert histories[0][-1]["val"]["epoch"] == histories[1][-1]["val"]["epoch"]
