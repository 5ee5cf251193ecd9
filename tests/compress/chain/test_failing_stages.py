"""A stage that fails ends the chain with the exit code of its own failure, and says so after what it said itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compress.cli import main


@pytest.mark.parametrize(
    ("stage", "code", "sentences"),
    [
        pytest.param(
            "{stage: eval, devkit: nowhere, model: nowhere}",
            3,
            ["error: ", "error: 'run.sh eval' ended with exit code 3"],
            id="run.sh: bad data",
        ),
        pytest.param(
            "{stage: speed, source: tiny/images/train, model: nowhere}",
            4,
            ["error: ", "error: 'run.sh speed' ended with exit code 4"],
            id="run.sh: no bundle",
        ),
        pytest.param(
            "{stage: val, weights: gone.safetensors, data: tiny/data.yaml}",
            4,
            ["error: gone.safetensors: no such file", "error: 'val' failed (see above), so the chain ends here"],
            id="compress: no model",
        ),
        pytest.param(
            "{stage: data check, data: tiny/data.yaml}",
            3,
            ["error: tiny/data.yaml: faults to mend", "error: 'data check' failed (see above)"],
            id="compress: a verb that answers and fails",
        ),
    ],
)
def test_exit_codes(
    tmp_path: Path,
    tiny_data: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    stage: str,
    code: int,
    sentences: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_data()
    next(Path("tiny/labels/train").glob("*.txt")).write_text("7 0.5 0.5 0.1 0.1\n")
    Path("r.yaml").write_text(f"stages:\n  - {stage}\n")
    assert main(["run", "r.yaml", "--out", "o"]) == code
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(told) == len(sentences)
    assert all(line.startswith(sentence) for line, sentence in zip(told, sentences, strict=True)), told
