"""The demo, small: the same way as the real one, with few and small images and one epoch."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from compress.chain.demo import DENSE, SPARSE
from compress.channels.prunable_gammas import prunable_gammas
from compress.cli import main
from compress.nets.checkpoint import load_checkpoint, save_checkpoint
from compress.train.sparsity import near_zero_share
from deploy.cli import main as deploy_main


def here_after_the_first(start: Callable[..., Any]) -> Callable[..., Any]:
    """`subprocess.run` for commands of the edge side: all but the first run in this process, sparing their start."""
    started: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        started.append(command)
        if len(started) == 1:
            return start(command, **options)
        told = io.StringIO()
        with redirect_stdout(told):
            code = deploy_main(command[2:])
        return subprocess.CompletedProcess(command, code, told.getvalue())

    return run


@pytest.mark.long
def test_demo_goes_the_whole_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], least_model: Callable[..., Any]
) -> None:
    """With a least model in place of the shipped checkpoints, and ten images timed instead of fifty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deploy.run.speed.FEWEST", 10)
    monkeypatch.setattr("compress.chain.demo.IMGSZ", 64)
    monkeypatch.setattr("compress.edge.subprocess.run", here_after_the_first(subprocess.run))
    for kind, history in (("DENSE", ["train", "train"]), ("SPARSE", ["train", "sparsify"])):
        shipped = tmp_path / f"{kind.lower()}.safetensors"
        save_checkpoint(least_model(load_checkpoint(DENSE)[0].names), shipped, [{"stage": stage} for stage in history])
        monkeypatch.setattr(f"compress.chain.demo.{kind}", shipped)
    assert main(["demo", "--out", "work", "--images", "14", "--epochs", "1"]) == 0
    table = capsys.readouterr().out
    dense, pruned = (line.split() for line in table.splitlines()[1:3])
    assert (dense[0], pruned[0]) == ("dense", "pruned")
    assert "mAP@0.5:0.95" in table and "images/s" in table
    assert table.splitlines()[-1].endswith(str(Path("work", "report.html")))
    page = (tmp_path / "work" / "report.html").read_text(encoding="utf-8")
    assert 'id="channels-2"' in page and 'id="training-2"' in page and 'id="frontier-host"' in page
    bundles = [
        json.loads((tmp_path / "work" / kind / "bundle" / "bundle.json").read_text()) for kind in dense[:1] + pruned[:1]
    ]
    assert bundles[1]["parameters"] < bundles[0]["parameters"]
    assert bundles[1]["flops"] < bundles[0]["flops"]
    stages = [[entry["stage"] for entry in bundle["history"]] for bundle in bundles]
    assert stages[0] == ["train", "train", "export"], "the dense row is of a model that no penalty has touched"
    assert stages[1] == ["train", "sparsify", "prune", "finetune", "export"]
    test = (tmp_path / "work" / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main" / "test.txt").read_text().split()
    assert sorted(p.stem for p in (tmp_path / "image_result").glob("*.jpg")) == sorted(test)


def test_a_failing_step_ends_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("compress.chain.demo.IMGSZ", 64)
    assert main(["demo", "--out", "work", "--images", "3"]) == 1
    errors = capsys.readouterr().err
    assert "the demo ends here: compress data failed" in errors
    assert "Traceback" not in errors


def test_the_shipped_checkpoints_tell_the_story() -> None:
    """Half of the sparse one's gammas are near zero, the dense one's are not; together they are small."""
    dense, sparse = (load_checkpoint(file)[0] for file in (DENSE, SPARSE))
    shares = [near_zero_share(prunable_gammas(model, "group").values()) for model in (dense, sparse)]
    assert shares[0] < 0.02 and 0.4 <= shares[1] < 0.6, shares
    assert sum(file.stat().st_size for file in (DENSE, SPARSE)) < 8e6
