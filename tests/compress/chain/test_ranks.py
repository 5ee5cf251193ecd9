"""run and iterate in two processes: they train together, one does the rest, and no failure leaves the other waiting."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from compress.chain import ranks
from compress.nets.checkpoint import load_checkpoint, save_checkpoint
from deploy.program import run_program
from tests.compress.processes import Forked

RECIPE = """\
common: {imgsz: 64, batch-size: 4, workers: 0, data: tiny/data.yaml}
stages:
  - {stage: sparsify, name: sparse, weights: w.safetensors, epochs: 2, sr: 0.5}
  - {stage: prune, weights: "${sparse}", percent: 0.2, align: 2}
  - {stage: iterate, name: rounds, weights: "${prune}", rounds: 1, sparse-epochs: 1, epochs: 1, percent: 0.2, align: 2}
"""
RUN = ("run", "r.yaml", "--out", "o", "--json")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, least_model: Any, write_tiny_data: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("ranks")
    write_tiny_data(folder / "tiny")
    save_checkpoint(least_model(), folder / "w.safetensors", [])
    (folder / "r.yaml").write_text(RECIPE)
    return folder


def begin(words: Sequence[str], grace: float) -> None:
    """`python -m compress WORDS`, which gives a training in which another process has failed so much time to end."""
    ranks.GRACE = grace
    sys.argv = ["compress", *words]
    raise SystemExit(run_program("compress.cli"))


def together(
    words: Sequence[str], folders: Sequence[Path], grace: float = ranks.GRACE
) -> list[tuple[int | None, str, list[str]]]:
    """A process in each folder; their exit codes, stdout, and the lines of stderr that tell of stages and errors."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": str(len(folders)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        Forked(begin, words, grace, folder=folder, environment={**group, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank, folder in enumerate(folders)
    ]
    try:
        shown = [process.end() for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [
        (process.code, out, [line for line in err.splitlines() if line.startswith(("== ", "error: "))])
        for process, (out, err) in zip(processes, shown, strict=True)
    ]


def test_a_recipe_in_two_processes(place: Path) -> None:
    first, second = together(RUN, [place, place])
    stages = ["== sparse", "== prune", "== rounds"]
    inner = ["== start", "== round1-sparse", "== round1-pruned", "== round1-tuned"]
    assert (first[0], first[2]) == (0, [*stages, *inner]), first
    assert second == (0, "", [])
    found = json.loads(first[1])["stages"]
    assert list(found) == ["sparse", "prune", "rounds"]
    rows = (place / "o" / "runs" / "sparse" / "results.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2]
    told = [entry["stage"] for entry in load_checkpoint(place / found["rounds"]["result"])[1]]
    assert told == ["sparsify", "prune", "sparsify", "prune", "finetune"]
    records = {file.stem: json.loads(file.read_text()) for file in (place / "o" / "stages").glob("*.json")}
    assert set(records) == {"sparse", "prune", "rounds"}
    assert records["sparse"]["answer"] == found["sparse"]

    again = together(RUN, [place, place])
    done = [f"{stage}: done already" for stage in stages]
    assert [(code, lines) for code, _, lines in again] == [(0, done), (0, [])]
    assert json.loads(again[0][1]) == json.loads(first[1])


def test_a_stage_that_one_process_does_fails(place: Path) -> None:
    (place / "bad.yaml").write_text("stages:\n  - {stage: prune, weights: w.safetensors, percent: 0.99, align: 2}\n")
    first, second = together(("run", "bad.yaml", "--out", "o2"), [place, place])
    assert first[0] == 2 and first[2][0] == "== prune"
    assert first[2][2:] == ["error: 'prune' failed (see above), so the chain ends here"]
    assert second == (2, "", [])


def test_a_training_that_all_refuse(place: Path) -> None:
    (place / "odd.yaml").write_text(RECIPE.replace("batch-size: 4", "batch-size: 5"))
    first, second = together(("run", "odd.yaml", "--out", "o3"), [place, place])
    assert first[0] == 2 and first[2][0] == "== sparse"
    assert first[2][1] == "error: --batch-size is 5, expected a multiple of the 2 processes"
    assert second == (2, "", [])


def test_a_training_that_fails_elsewhere(place: Path, tmp_path: Path) -> None:
    """The second process has no weights; the first one waits for it in the training, and would do so for ever."""
    began = time.monotonic()
    first, second = together(("run", "r.yaml", "--out", "o4"), [place, tmp_path], grace=3.0)
    assert time.monotonic() - began < 120
    assert first[0] == second[0] == 4
    assert first[2][0] == "== sparse"
    assert len(first[2]) == 2 and first[2][1].startswith("error: process 1: w.safetensors: "), first
    assert second[1:] == ("", [])
