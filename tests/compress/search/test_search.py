"""search from the command line: its files, going on after a kill, and its refusals."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from compress import api
from compress.channels.flow import ChannelFlow
from compress.cli import main
from compress.nets.checkpoint import load_checkpoint
from compress.nets.slim_yaml import convolution_widths, slim_layers
from compress.prune.plan import load_plan
from compress.search.folder import MAKER, SearchFolder
from deploy.errors import DataError, UsageError
from deploy.results.ours import mark
from tests.compress.processes import compress

OPTIONS = ["--bn-batches", "4", "--held-out", "16", "--align", "4", "--delta", "0.05", "--remain-ratio", "0.6"]


@pytest.fixture
def words(known: Any, tmp_path: Path) -> list[str]:
    weights, data = (str(file) for file in (known.weights, known.data))
    return ["search", "--weights", weights, "--data", data, *OPTIONS, "--project", str(tmp_path / "runs")]


def journal(folder: Path) -> list[dict[str, Any]]:
    file = folder / "journal.jsonl"
    lines = file.read_text().splitlines() if file.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What must be the same however the search went."""
    return sorted(({k: v for k, v in row.items() if k != "seconds"} for row in rows[1:]), key=lambda row: row["number"])


def test_it_writes_the_winner(
    words: list[str], tmp_path: Path, least_flow: ChannelFlow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--candidates", "3", "--json"]) == 0
    shown = capsys.readouterr()
    answer, folder = json.loads(shown.out), tmp_path / "runs" / "search"
    rows = journal(folder)[1:]
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert answer["map50"] == max(row["map50"] for row in rows) == rows[answer["number"]]["map50"]
    assert all(abs(row["share"] - 0.6) <= 0.05 for row in rows)
    plan = load_plan(answer["plan"], least_flow)
    widths = {group.name: len(group.kept) for group in plan.groups if group.score}
    assert widths == rows[answer["number"]]["widths"]
    slim, history = load_checkpoint(answer["weights"])
    assert slim.model[0].conv.out_channels == widths["model.0.conv"]
    assert history[-1]["stage"] == "search" and history[-1]["masked_difference"] <= 1e-9
    assert answer["after"]["flops"] == pytest.approx(answer["share"] * answer["before"]["flops"], rel=0.02)
    assert Path(answer["chart"]).read_bytes().startswith(b"\x89PNG")
    assert "held-out training images" in shown.err and "3 candidates scored" in shown.err


def test_a_killed_search_goes_on(words: list[str], tmp_path: Path) -> None:
    assert main([*words, "--candidates", "4", "--name", "whole"]) == 0
    process = compress(*words, "--candidates", "500", "--name", "killed", folder=tmp_path)
    deadline = time.monotonic() + 300
    folder = tmp_path / "runs" / "killed"
    while len(journal(folder)) < 3 and process.code is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    _, err = process.end()
    assert process.code == -signal.SIGKILL, err
    before = len(journal(folder)) - 1
    assert before >= 2
    assert main([*words, "--candidates", str(max(4, before)), "--name", "killed", "--resume"]) == 0
    whole, killed = (told(journal(tmp_path / "runs" / name)) for name in ("whole", "killed"))
    assert killed[:4] == whole


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        pytest.param(["--remain-ratio", "0.01"], 2, "can remain", id="a budget that cannot be reached"),
        pytest.param(["--resume"], 3, "there is no search to go on with", id="nothing to resume"),
        pytest.param(["--data", "gone.yaml"], 3, "gone.yaml", id="no data set"),
        pytest.param(["--calibrate", "a.json"], 2, "--calibrate is for --budget latency", id="no use for it"),
        pytest.param(["--candidates", "0"], 2, "--candidates is 0, expected 1 to 1000000", id="no candidates"),
        pytest.param(["--name", "a/b"], 2, "expected the name of one folder", id="a name that is a path"),
        pytest.param(["--protect", "model.77"], 2, "matches none", id="a layer that is not there"),
    ],
)
def test_refusals(
    words: list[str], tmp_path: Path, more: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *more]) == code
    err = capsys.readouterr().err
    assert sentence in err and "Traceback" not in err
    assert not (tmp_path / "runs" / "search").exists()


def test_a_search_without_a_score_pushes_nothing_out(tmp_path: Path) -> None:
    best = tmp_path / "runs/name/best.safetensors"
    best.parent.mkdir(parents=True)
    best.write_bytes(b"best")
    (best.parent / "journal.jsonl").write_text("{head}\n{first}\n")
    mark(best.parent, MAKER, ())
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt), SearchFolder(tmp_path / "runs", "name", False).alone():
            (best.parent / "journal.jsonl").write_text("{head}\n")
            raise KeyboardInterrupt
    assert (tmp_path / "runs/name.prev/best.safetensors").read_bytes() == b"best"
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["name", "name.prev"]


def test_the_folder_of_somebody_else_is_left_alone(words: list[str], tmp_path: Path) -> None:
    mine = tmp_path / "runs" / "search" / "thesis.tex"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert main(words) == 2
    assert mine.read_text() == "mine"


def test_in_python(known: Any, tmp_path: Path) -> None:
    options = {"bn_batches": 4, "held_out": 16, "align": 4, "delta": 0.05, "project": str(tmp_path)}
    found = api.search(known.weights, known.data, candidates=1, budget="params", **options)
    assert found.model.source == found.best and 0.45 <= found.share <= 0.55 and "<table>" in found._repr_html_()
    with pytest.raises(UsageError, match="--seed"):
        api.search(known.weights, known.data, candidates=1, budget="params", seed=-1, **options)
    with pytest.raises(UsageError, match="'seed' was 0 when the search began and is now 1"):
        api.search(known.weights, known.data, budget="params", seed=1, resume=True, **options)
    with pytest.raises(DataError):
        api.search(known.weights, tmp_path / "gone.yaml", **options)


def test_the_winner_as_a_slim_yaml(words: list[str], known: Any, tiny_data: Any, tmp_path: Path) -> None:
    """What a slim YAML has no factor for stays whole, and the file gives the winner's widths to prune and train."""
    file, again = tmp_path / "slim.yaml", tmp_path / "again.safetensors"
    assert main([*words, "--candidates", "2", "--align", "8", "--delta", "0.1", "--saved-cfg", str(file)]) == 0
    best = tmp_path / "runs" / "search" / "best.safetensors"
    widths = convolution_widths(load_checkpoint(best)[0])
    whole = convolution_widths(known.model)
    narrower = {name for name in widths if widths[name] < whole[name]}
    assert narrower and narrower <= set(slim_layers(known.model))
    assert main(["prune", "--weights", str(known.weights), "--cfg", str(file), "--out", str(again)]) == 0
    assert convolution_widths(load_checkpoint(again)[0]) == widths
    fresh = ["--cfg", str(file), "--epochs", "1", "--imgsz", "64", "--workers", "0", "--project", str(tmp_path)]
    assert main(["train", "--data", str(tiny_data()), *fresh]) == 0
    assert convolution_widths(load_checkpoint(tmp_path / "train" / "weights" / "last.safetensors")[0]) == widths


@pytest.mark.parametrize(
    "name, content, given, reason",
    [
        ("slim.yml", None, [], "expected a file that ends in .yaml"),
        ("data.yaml", "names: [a]", [], "which is there and no slim YAML"),
        ("slim.yaml", None, ["--align", "4"], "--align is 4, expected a multiple of 8"),
    ],
)
def test_saved_cfg_that_is_none(
    words: list[str],
    tmp_path: Path,
    name: str,
    content: str | None,
    given: list[str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content:
        (tmp_path / name).write_text(content)
    assert main([*words, "--align", "8", *given, "--saved-cfg", str(tmp_path / name)]) == 2
    assert reason in capsys.readouterr().err
