"""Parameter groups and the learning-rate schedule."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from compress.nets.convnext.layers import ConvNeXtBlock
from compress.nets.yolov5 import Yolov5
from compress.train.optimizer import build_optimizer, schedule
from compress.train.settings import TrainSettings

SETTINGS = TrainSettings("data.yaml", epochs=100, batch_size=32, lr0=0.01, lrf=0.1, momentum=0.9, warmup_epochs=3)
STEPS = 50  # an epoch


def parameters() -> list[nn.Module]:
    return [nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)]


def test_groups(tiny_model: Callable[..., Yolov5]) -> None:
    model = tiny_model()
    optimizer = build_optimizer(model, SETTINGS)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    biases, gammas, weights = ([names[id(p)] for p in group["params"]] for group in optimizer.param_groups)
    assert sorted(biases + gammas + weights) == sorted(names.values()), "every parameter once"
    assert all(name.endswith(".bias") for name in biases)
    assert all(name.endswith(".bn.weight") for name in gammas)
    assert all(name.endswith(".weight") and ".bn." not in name for name in weights)
    assert len(gammas) == sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert len(weights) == sum(isinstance(module, nn.Conv2d) for module in model.modules())


@pytest.mark.parametrize(
    ("batch_size", "decay"),
    [
        pytest.param(64, 5e-4, id="the batch that YOLOv5 states its decay for"),
        pytest.param(16, 1.25e-4, id="a quarter of it: four times the steps, each with a quarter"),
    ],
)
def test_only_convolutions_decay(batch_size: int, decay: float) -> None:
    optimizer = build_optimizer(nn.Sequential(*parameters()), TrainSettings("data.yaml", batch_size=batch_size))
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0, 0, pytest.approx(decay)]


def test_sgd() -> None:
    optimizer = build_optimizer(nn.Sequential(*parameters()), SETTINGS)
    assert isinstance(optimizer, torch.optim.SGD)
    assert all(group["nesterov"] and group["momentum"] == 0.9 for group in optimizer.param_groups)


def test_adam() -> None:
    settings = TrainSettings("data.yaml", optimizer="adam", momentum=0.9)
    optimizer = build_optimizer(nn.Sequential(*parameters()), settings)
    assert isinstance(optimizer, torch.optim.Adam)
    assert all(group["betas"] == (0.9, 0.999) for group in optimizer.param_groups)
    schedule(optimizer, settings, 0, STEPS)
    assert [group["lr"] for group in optimizer.param_groups] == [0, 0, 0], "no high start for the biases with Adam"
    assert all("momentum" not in group for group in optimizer.param_groups)


@pytest.mark.parametrize("batch_size", [16, 64])
def test_adamw_decays_apart_from_the_gradient_whatever_the_batch(batch_size: int) -> None:
    settings = TrainSettings("data.yaml", optimizer="adamw", lr0=0.001, weight_decay=0.05, batch_size=batch_size)
    layer = nn.Conv2d(3, 4, 1)
    optimizer = build_optimizer(layer, settings)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0, 0, 0.05]
    before = layer.weight.detach().clone()
    layer.weight.grad, layer.bias.grad = torch.zeros_like(layer.weight), torch.zeros_like(layer.bias)  # type: ignore[union-attr, arg-type]
    optimizer.step()
    torch.testing.assert_close(layer.weight.detach(), before * (1 - 0.001 * 0.05))


def test_norms_and_layer_scales_of_convnext_do_not_decay() -> None:
    block = ConvNeXtBlock(8, 8, 2)
    _, gammas, weights = (group["params"] for group in build_optimizer(block, SETTINGS).param_groups)
    assert len(gammas) == 2 * 2 and all(parameter.dim() == 1 for parameter in gammas)
    assert len(weights) == 2 * 3 and all(parameter.dim() == 4 for parameter in weights)


@pytest.mark.parametrize(
    ("step", "bias_lr", "lr", "momentum"),
    [
        pytest.param(0, 0.1, 0.0, 0.8, id="start: weights from 0, biases from 0.1"),
        pytest.param(75, (0.1 + 0.00991) / 2, 0.00991 / 2, 0.85, id="half of the warm-up, in epoch 2"),
        pytest.param(150, 0.00973, 0.00973, 0.9, id="end of the warm-up: the straight line from lr0 to lr0 * lrf"),
        pytest.param(2500, 0.0055, 0.0055, 0.9, id="half of the run"),
        pytest.param(2549, 0.0055, 0.0055, 0.9, id="an epoch has one rate"),
        pytest.param(4999, 0.00109, 0.00109, 0.9, id="the last epoch"),
    ],
)
def test_schedule(step: int, bias_lr: float, lr: float, momentum: float) -> None:
    optimizer = build_optimizer(nn.Sequential(*parameters()), SETTINGS)
    schedule(optimizer, SETTINGS, step, STEPS)
    assert [group["lr"] for group in optimizer.param_groups] == [
        pytest.approx(bias_lr),
        pytest.approx(lr),
        pytest.approx(lr),
    ]
    assert [group["momentum"] for group in optimizer.param_groups] == [pytest.approx(momentum)] * 3


@pytest.mark.parametrize(
    ("epochs", "steps", "warmup_epochs", "warm"),
    [
        pytest.param(100, 50, 3.0, 150, id="three epochs"),
        pytest.param(100, 10, 3.0, 100, id="short epochs: at least 100 steps"),
        pytest.param(6, 10, 3.0, 20, id="a short run: at most a third of it"),
        pytest.param(100, 50, 0.0, 0, id="switched off"),
        pytest.param(1, 2, 3.0, 0, id="two steps in all"),
    ],
)
def test_length_of_the_warm_up(epochs: int, steps: int, warmup_epochs: float, warm: int) -> None:
    settings = TrainSettings("data.yaml", epochs=epochs, warmup_epochs=warmup_epochs, lrf=1.0)
    optimizer = build_optimizer(nn.Sequential(*parameters()), settings)
    rates = []
    for step in range(epochs * steps):
        schedule(optimizer, settings, step, steps)
        rates.append(optimizer.param_groups[2]["lr"])
    assert sum(rate < settings.lr0 for rate in rates) == warm
    assert rates == sorted(rates)
