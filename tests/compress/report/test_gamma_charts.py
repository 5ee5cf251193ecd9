"""Charts of gammas and of plans: that they can be drawn for any model, and show what they are given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from compress.cli import main
from compress.nets.checkpoint import save_checkpoint
from compress.prune.plan import GroupPlan, Plan
from compress.report.gamma_charts import coarse_bins, epochs_chart, gamma_chart
from compress.report.keep_chart import keep_chart
from compress.train.gamma_log import EDGES, counts, read_gamma_log, row_of
from deploy.errors import DataError


def layers(number: int = 5, channels: int = 16, seed: int = 0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {f"model.{i}.bn": torch.rand(channels, generator=random) * 2 for i in range(number)}


def image(file: Path) -> np.ndarray:
    found = cv2.imread(str(file))
    assert found is not None and found.std() > 10
    return found


@pytest.mark.parametrize("number", [1, 25])
def test_every_layer_has_room(tmp_path: Path, number: int) -> None:
    gamma_chart({name: g.numpy() for name, g in layers(number).items()}, "a title", tmp_path / "g.png")
    height, width = image(tmp_path / "g.png").shape[:2]
    assert width == 1200 and height > 120 * (3 + 0.17 * number)


def test_all_gammas_at_zero(tmp_path: Path) -> None:
    gamma_chart({"a": np.zeros(4)}, "", tmp_path / "g.png")
    image(tmp_path / "g.png")


def written(folder: Path, epochs: int) -> Path:
    rows = [json.dumps(row_of(e, {n: g / e for n, g in layers().items()})) for e in range(1, epochs + 1)]
    (folder / "gammas.jsonl").write_text("\n".join(rows) + "\n")
    return folder / "gammas.jsonl"


@pytest.mark.parametrize(("epochs", "rates"), [(1, {1: 0.1}), (3, {})], ids=["one epoch", "no rates"])
def test_epochs(tmp_path: Path, epochs: int, rates: dict[int, float]) -> None:
    log = read_gamma_log(written(tmp_path, epochs))
    assert [entry.epoch for entry in log] == list(range(1, epochs + 1))
    for name, gammas in layers().items():
        assert (log[-1].layers[name] == counts(gammas / epochs)).all()
    epochs_chart(log, rates, "run", tmp_path / "e.png")
    image(tmp_path / "e.png")


def test_coarse_bins_lose_nothing() -> None:
    fine = np.stack([counts(torch.cat(list(layers(seed=seed).values())) * 1.5) for seed in range(3)])
    edges, coarse = coarse_bins(fine)
    assert (coarse.sum(1) == fine.sum(1)).all()
    values = (torch.cat(list(layers(seed=1).values())) * 1.5).numpy()
    inner = np.histogram(values, edges)[0]
    assert (coarse[1][:20] == inner[:20]).all(), "below 1, where five fine bins make one"


def test_bins() -> None:
    found = counts(torch.tensor([0.0, 0.0099, -0.005, 0.0101, 99.0]))
    assert found[0] == 3 and found[1] == 1 and found[-1] == 1 and found.sum() == 5 and len(found) == len(EDGES)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no epoch yet"),
        ('{"epoch": 1, "layers": {"a": [1, 2]}}\n{"epoch": 2, "lay', "line 2 is no histogram of gammas"),
        ('{"epoch": 1, "layers": [3]}', "line 1 is no histogram"),
        (json.dumps({"epoch": 1, "layers": {"a": [1] * 999}}), "line 1 is no histogram"),
    ],
)
def test_damaged_log(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "gammas.jsonl").write_text(text)
    with pytest.raises(DataError, match=sentence):
        read_gamma_log(tmp_path / "gammas.jsonl")


def test_what_a_plan_keeps_is_blue_and_what_goes_orange(tmp_path: Path) -> None:
    groups = [
        GroupPlan("model.0.conv", ["model.0.conv"], 16, list(range(8)), list(range(8, 16)), [0.1] * 16, ""),
        GroupPlan("model.1.conv", ["model.1.conv", "x"], 16, list(range(4)), list(range(4, 16)), [0.1] * 16, ""),
        GroupPlan("model.2", ["model.2"], 16, list(range(16)), [], [], "protected"),
    ]
    keep_chart(Plan({"percent": 0.6}, 4, 0.1, groups), "plan", tmp_path / "k.png")
    shown = image(tmp_path / "k.png")

    def pixels(red: int, green: int, blue: int) -> int:
        return int((np.abs(shown.astype(int) - (blue, green, red)).max(-1) < 3).sum())

    kept, removed, pinned = pixels(31, 119, 180), pixels(255, 127, 14), pixels(176, 196, 222)
    assert removed / kept == pytest.approx(20 / 12, rel=0.15), "the legend has a little of each"
    assert pinned / kept == pytest.approx(16 / 12, rel=0.15)


def test_the_command(
    tmp_path: Path, least_model: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run's folder gives all three charts, a checkpoint the first; numbers are those of its gammas."""
    monkeypatch.chdir(tmp_path)
    model = least_model()
    last = tmp_path / "run" / "weights" / "last.safetensors"
    save_checkpoint(model, last, [])
    written(tmp_path / "run", 3)
    (tmp_path / "run" / "results.jsonl").write_text('{"epoch": 1, "sr": 0.1}\n{"epoch": 2, "sr": null}\n{"ep')
    save_checkpoint(model, Path("p.safetensors"), [])
    prune = ["prune", "--weights", "p.safetensors", "--percent", "0.3", "--align", "2", "--plan-only"]
    assert main([*prune, "--out", "p.plan.json"]) == 0
    capsys.readouterr()
    assert main(["gammas", "run", "--plan", "p.plan.json", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [Path(file).name for file in found["files"]] == ["epochs.png", "gammas.png", "keep.png"]
    assert all(Path(file).is_file() for file in found["files"])
    for row in found["layers"]:
        gammas = model.get_parameter(f"{row['layer']}.weight").detach().abs()
        assert row["channels"] == len(gammas)
        assert row["max"] == pytest.approx(float(gammas.max()), abs=1e-4)
        assert row["near_zero"] == pytest.approx(float((gammas < 0.01).float().mean()))
    assert main(["gammas", "p.safetensors", "--out", "alone"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["layer", "channels"]
    assert sorted(path.name for path in Path("alone").iterdir()) == [".made_by", "gammas.png", "keep.png"], (
        "its plan lies beside it"
    )
    assert main(["gammas", "p.plan.json"]) == 4
    (tmp_path / "empty").mkdir()
    assert main(["gammas", "empty"]) == 3
    assert "empty: no run with a checkpoint" in capsys.readouterr().err
