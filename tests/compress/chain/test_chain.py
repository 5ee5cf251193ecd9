"""Chains of real stages: what is done is not done again, what has changed is noticed, and rounds go on after a kill."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compress.chain.fingerprint import path_hash
from compress.cli import main
from compress.nets.checkpoint import load_checkpoint, save_checkpoint
from tests.compress.processes import compress

RECIPE = """\
variables: {epochs: 1}
common: {imgsz: 64, batch-size: 4, workers: 0, data: tiny/data.yaml}
stages:
  - {stage: finetune, name: dense, weights: w.safetensors, epochs: "${epochs}"}
  - {stage: prune, weights: "${dense}", percent: 0.3, align: 2}
  - {stage: val, weights: "${prune}"}
"""
ITERATE = (
    *("iterate", "--weights", "w.safetensors", "--data", "tiny/data.yaml", "--imgsz", "64", "--batch-size", "4"),
    *("--sparse-epochs", "1", "--sr", "0.5", "--percent", "0.2", "--align", "2", "--protect", "model.0"),
)


@pytest.fixture
def place(tmp_path: Path, least_model: Any, tiny_data: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tiny_data()
    save_checkpoint(least_model(), tmp_path / "w.safetensors", [])
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path


Call = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a verb; returns its exit code, stdout, and stderr's lines that tell of stages and errors."""

    def run(*words: str) -> tuple[int, str, list[str]]:
        capsys.readouterr()
        code = main(list(words))
        shown = capsys.readouterr()
        return code, shown.out, [line for line in shown.err.splitlines() if line.startswith(("== ", "error: "))]

    return run


@pytest.mark.long
def test_a_recipe_goes_on_where_it_was(place: Path, call: Call) -> None:
    run = ("run", "r.yaml", "--out", "o", "--json")
    code, out, told = call(*run)
    assert (code, told) == (0, ["== dense", "== prune", "== val"])
    stages = json.loads(out)["stages"]
    assert stages["prune"]["result"] == str(Path("o", "prune.safetensors"))
    assert load_checkpoint(stages["prune"]["result"])[1][-1]["stage"] == "prune"

    code, again, told = call(*run)
    assert told == ["== dense: done already", "== prune: done already", "== val: done already"]
    assert json.loads(again) == json.loads(out)

    Path("o", "prune.safetensors").unlink()
    assert call(*run)[2] == ["== dense: done already", "== prune", "== val: done already"], "it came out the same"

    (place / "r.yaml").write_text(RECIPE.replace("percent: 0.3", "percent: 0.4"))
    code, _, told = call(*run)
    assert code == 2 and told[-1].startswith("error: ") and "'percent' 0.3 and now 0.4 before; --redo" in told[-1]
    assert call(*run, "--redo")[2] == ["== dense: done already", "== prune", "== val"]

    label = place / "tiny" / "labels" / "train" / "train0.txt"
    label.write_text(label.read_text() + "\n0 0.5 0.5 0.2 0.2\n")
    code, _, told = call(*run)
    assert code == 2 and "the stage 'dense' was given 'data' sha256" in told[-1]
    assert call(*run, "--set", "epochs=2", "--redo")[2] == ["== dense", "== prune", "== val"]


def test_a_stage_that_fails_ends_the_chain(place: Path, call: Call) -> None:
    (place / "r.yaml").write_text(RECIPE.replace("percent: 0.3", "percent: 0.99"))
    code, out, told = call("run", "r.yaml", "--out", "o")
    assert (code, out) == (2, "")
    assert told[:2] == ["== dense", "== prune"] and "can be removed before" in told[2]
    assert told[3] == "error: 'prune' failed (see above), so the chain ends here"
    (place / "r.yaml").write_text(RECIPE)
    assert call("run", "r.yaml", "--out", "o", "--redo")[2] == ["== dense: done already", "== prune", "== val"]


def rounds(out: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(out)["rounds"]
    return found


def test_rounds_go_on_after_a_kill(place: Path, call: Call) -> None:
    """Killed in the second round's fine-tuning; what was done before stays, and the rest ends as without the kill."""
    command = (*ITERATE, "--epochs", "3", "--rounds", "2", "--workers", "1")
    tuned = place / "runs" / "iterate" / "runs" / "round2-tuned"
    process = compress(*command, folder=place)
    deadline = time.monotonic() + 900
    while not (tuned / "state.pt").is_file() and process.code is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    _, err = process.end()
    assert process.code == -9 and (tuned / "state.pt").is_file(), err
    kept = path_hash(place / "runs" / "iterate" / "runs" / "round2-sparse" / "weights" / "best.safetensors")
    code, out, told = call(*command, "--json")
    assert code == 0
    done = ["start", "round1-sparse", "round1-pruned", "round1-tuned", "round2-sparse", "round2-pruned"]
    assert told == [*(f"== {name}: done already" for name in done), "== round2-tuned"]
    assert path_hash(place / "runs" / "iterate" / "runs" / "round2-sparse" / "weights" / "best.safetensors") == kept
    epochs = [json.loads(line)["epoch"] for line in (tuned / "results.jsonl").read_text().splitlines()]
    assert epochs == [1, 2, 3]

    first, second = rounds(out)
    assert first["parameters"] > second["parameters"]
    history = load_checkpoint(second["weights"])[1]
    assert [entry["stage"] for entry in history] == ["sparsify", "prune", "finetune"] * 2
    protected = [entry["settings"].get("protect") for entry in history]
    assert protected == [["model.0"], ["model.0"], None] * 2

    # the same chain, with a limit: every round loses less than everything, none loses less than nothing and a half
    code, out, _ = call(*command, "--max-drop", "1", "--json")
    assert code == 0 and rounds(out) == [first, second]
    code, out, told = call(*command[:-2], "--workers", "1", "--rounds", "1", "--max-drop", "0")
    expected = first["drop"] > 0
    assert (code == 1 and "round 1 loses" in told[-1]) if expected else code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--rounds", "0"), "--rounds is 0, expected 1 to 100"),
        (("--max-drop", "2"), "--max-drop is 2.0, expected 0 to 1"),
        (("--epochs", "0"), "--epochs is 0, expected"),
        (("--sparse-epochs", "0"), "--sparse-epochs is 0, expected"),
        (("--name", "a/b"), "--name is 'a/b', expected the name of one folder"),
    ],
)
def test_bad_iterations(place: Path, call: Call, words: tuple[str, ...], sentence: str) -> None:
    code, _, told = call(*ITERATE, *words)
    assert code == 2 and sentence in told[-1]
    assert not (place / "runs").exists()


def test_options_of_pruning_are_checked_before_anything_is_trained(place: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*ITERATE, "--flops", "0.5"])
    assert not (place / "runs").exists()


def test_processes_that_do_not_meet(place: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, _, told = call("run", "r.yaml")
    assert code == 2 and "WORLD_SIZE is 2, but the processes do not meet; start them with torchrun" in told[-1]


@pytest.mark.parametrize("damage", ["", "{}", '{"schema_version": 9}', "no json"])
def test_a_damaged_record(place: Path, call: Call, damage: str) -> None:
    record = place / "o" / "stages" / "dense.json"
    record.parent.mkdir(parents=True)
    record.write_text(damage)
    other = {"schema_version": 1, "kind": "stage", "given": {}, "answer": {}, "results": {}}
    (record.parent / "other.json").write_text(json.dumps(other))  # this is a folder of a recipe
    code, _, told = call("run", "r.yaml", "--out", "o")
    assert code == 2 and "dense.json: is no record of a stage" in told[-1]
