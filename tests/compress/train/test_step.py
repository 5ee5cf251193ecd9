"""A step of the loop: the sparsity comes through mixed precision, clipping, accumulation, EMA and several processes."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from ultralytics.utils.torch_utils import ModelEMA

from compress.nets.checkpoint import load_checkpoint
from compress.train.loop import train
from compress.train.optimizer import build_optimizer
from compress.train.processes import launched
from compress.train.run_folder import RunFolder
from compress.train.settings import TrainSettings
from compress.train.step import Stepper
from deploy.errors import UsageError
from tests.compress.processes import Forked

STEPS, IMAGES, LR, SR = 6, 4, 0.02, 0.5
RULES = ("subgradient", "proximal")


class Net(nn.Module):
    """Two convolutions; its batch norm keeps its statistics, so that parts of a batch add up to the whole."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.norm, self.last = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1)
            nn.init.uniform_(self.norm.weight, 0.2, 1.2)
        self.eval()

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [self.last(torch.relu(self.norm(self.first(x))))]


def summed(outputs: list[torch.Tensor], targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    loss = (outputs[0].float().mean((1, 2, 3)) - targets[:, 0]).square().sum()
    return loss, loss.detach()[None]


def after(
    rule: str, pieces: int = 1, scale: float = 0.0, steps: int = STEPS, spoilt: int = -1, **settings: Any
) -> dict[str, torch.Tensor]:
    """The gammas, and the EMA's, after some steps, each of `pieces` batches, of which each process takes its share."""
    plain: dict[str, Any] = {"batch_size": IMAGES, "momentum": 0.9, "lr0": LR, **settings}
    chosen = TrainSettings("data.yaml", sr=SR, sparsity=rule, **plain)
    accelerator = launched(chosen)
    if scale:
        accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    model = Net()
    ema = ModelEMA(model)
    stepper = Stepper(accelerator, model, build_optimizer(model, chosen), ema, summed, chosen, [model.norm.weight])
    random = torch.Generator().manual_seed(1)
    for step in range(steps):
        x, y = (torch.rand(IMAGES, *shape, generator=random) for shape in ((3, 8, 8), (1,)))
        if step == spoilt:
            x = x * 1e18
        for piece in range(pieces):
            share = slice(piece, None, pieces)
            mine = slice(accelerator.process_index, None, accelerator.num_processes)
            stepper.accumulate(x[share][mine], y[share][mine], piece == pieces - 1)
        stepper.step(SR)
    return {"gammas": model.norm.weight.detach(), "ema": ema.ema.norm.weight.detach()}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("change", "tolerance"),
    [
        pytest.param({"scale": 4096.0}, 1e-6, id="a scaled loss: the penalty joins unscaled gradients"),
        pytest.param({"pieces": 2}, 1e-6, id="accumulated: one penalty a step, not one a batch"),
        pytest.param({"pieces": 4, "scale": 64.0}, 1e-6, id="both"),
        pytest.param({"amp": "bf16"}, 5e-3, id="bf16"),
        pytest.param({"clip_norm": 1e-4}, 5e-2, id="clipped to nothing: the penalty stays whole"),
    ],
)
def test_the_gammas_are_those_of_plain_training(rule: str, change: dict[str, Any], tolerance: float) -> None:
    start, plain, found = Net().norm.weight.detach(), after(rule), after(rule, **change)
    assert (start - plain["gammas"]).mean() > 0.05, "there is something to lose"
    for key in ("gammas", "ema"):
        torch.testing.assert_close(found[key], plain[key], rtol=0, atol=tolerance)


def test_the_soft_threshold_takes_its_part_a_step() -> None:
    """With gradients clipped away, each of the steps takes lr * sr, and the EMA has it too."""
    found, start = after("proximal", clip_norm=1e-9), Net().norm.weight.detach()
    torch.testing.assert_close(found["gammas"], start - STEPS * LR * SR, rtol=0, atol=1e-6)
    torch.testing.assert_close(found["ema"], found["gammas"], rtol=0, atol=1e-3)


@pytest.mark.parametrize("rule", RULES)
def test_a_step_that_the_scaler_skips_shrinks_nothing(rule: str) -> None:
    """The last step's gradients overflow: its weights, gammas included, are those that the step before it left."""
    spoilt, before = after(rule, scale=1e6, spoilt=STEPS - 1), after(rule, steps=STEPS - 1)
    torch.testing.assert_close(spoilt["gammas"], before["gammas"], rtol=0, atol=1e-6)
    assert (after(rule)["gammas"] < before["gammas"]).all()


def test_fp16_needs_a_gpu() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UsageError, match="--amp is fp16, but there is no GPU; expected bf16 or off"):
        launched(TrainSettings("data.yaml", amp="fp16"))


def test_two_processes(least_model: Any, tiny_data: Any, tmp_path: Path) -> None:
    """They hold the same gammas, those of one process, and one of them alone writes the run's folder."""
    from compress.nets.checkpoint import save_checkpoint

    save_checkpoint(least_model(), tmp_path / "start.safetensors", [])
    file = tiny_data()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        Forked(
            one_of_two,
            tmp_path,
            str(file),
            folder=tmp_path,
            environment={**group, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    try:
        answers = [process.end() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.code for process in processes] == [0, 0], answers
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]
    for rule in RULES:
        assert ranks[0][rule] == ranks[1][rule], "the processes agree to the last bit"
        torch.testing.assert_close(torch.tensor(ranks[0][rule]), after(rule)["gammas"], rtol=0, atol=1e-6)
    assert ranks[0]["trained"] == ranks[1]["trained"], "and so they do after a whole run"
    folder = tmp_path / "runs" / "run"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["run"], "nobody moved the other's folder away"
    assert len(list((folder / "tensorboard").iterdir())) == 1
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert ["sparsify 2/2" in err for _, err in answers] == [True, False]
    kept, _ = load_checkpoint(folder / "weights" / "last.safetensors")
    assert rows[-1]["near_zero_gammas"] > 0.05
    assert sum(m.weight.sum().item() for m in kept.modules() if isinstance(m, nn.BatchNorm2d)) > 0
    # three processes cannot share four images; each says so before anything is written
    assert ranks[0]["refused"] == ranks[1]["refused"]
    assert ranks[0]["refused"].startswith("--batch-size is 5, expected a multiple of the 2 processes")


def one_of_two(folder: Path, data: str) -> None:
    """What a process of the group does."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {rule: after(rule)["gammas"].tolist() for rule in RULES}
    common: dict[str, Any] = {"epochs": 2, "imgsz": 64, "workers": 0, "sr": 3.0, "sparsity": "proximal", "lr0": 0.05}
    model, _ = load_checkpoint(folder / "start.safetensors")
    try:
        train(model, [], TrainSettings(data, batch_size=5, **common), RunFolder(folder / "runs", "run"), "sparsify")
    except UsageError as error:
        found["refused"] = str(error)
    settings = TrainSettings(data, batch_size=4, **common)
    train(model, [], settings, RunFolder(folder / "runs", "run"), "sparsify")
    found["trained"] = [p.double().sum().item() for p in model.parameters()]
    (folder / f"rank{os.environ['RANK']}.json").write_text(json.dumps(found))
