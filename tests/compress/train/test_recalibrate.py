"""Batch-norm statistics from images."""

from __future__ import annotations

import torch
from torch import nn

from compress.train.recalibrate import recalibrate


def test_statistics_are_plain_averages_over_the_batches() -> None:
    norm = nn.BatchNorm2d(3, momentum=0.03)
    model = nn.Sequential(norm).eval()
    norm.running_mean.fill_(100)  # type: ignore[union-attr]
    batches = [torch.randn(4, 3, 8, 8) * (i + 1) + i for i in range(3)]
    recalibrate(model, batches)
    means = torch.stack([b.mean((0, 2, 3)) for b in batches]).mean(0)
    variances = torch.stack([b.transpose(0, 1).flatten(1).var(1) for b in batches]).mean(0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, variances)


def test_weights_momentum_and_mode_stay() -> None:
    norm = nn.BatchNorm2d(2, momentum=0.03)
    model = nn.Sequential(nn.Conv2d(3, 2, 1), norm).eval()
    before = {name: value.clone() for name, value in model.named_parameters()}
    recalibrate(model, [torch.rand(2, 3, 4, 4)])
    assert norm.momentum == 0.03
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())
