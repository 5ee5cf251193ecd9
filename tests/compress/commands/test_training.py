"""The verbs of training answer once, however many processes trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compress.commands.training import _answering
from compress.stages.train import DenseSettings, TrainingResult


@pytest.mark.parametrize(
    ("metrics", "answers"),
    [
        pytest.param({"epoch": 1, "map50": 0.5}, True, id="the process that validated"),
        pytest.param({}, False, id="any other process"),
    ],
)
def test_one_process_answers(metrics: dict[str, Any], answers: bool) -> None:
    done = TrainingResult(Path("best"), Path("last"), 1, metrics)
    answer = _answering(lambda settings, say: done)(DenseSettings(data="d"))
    assert (answer is not None) == answers
    assert answer is None or (answer.text, answer.result["map50"]) == ("best", 0.5)
