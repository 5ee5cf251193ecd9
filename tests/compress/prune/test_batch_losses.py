"""Losses for Taylor scores: real training images, nothing of the model changed, the same images each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from compress.nets.yolov5 import Yolov5
from compress.prune.batch_losses import batch_losses
from deploy.errors import DataError, UsageError


def test_losses_repeat_and_leave_the_batch_norms_alone(
    tiny_model: Callable[..., Yolov5], tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data()
    model = tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first, second = ([loss.item() for loss in batch_losses(model, data, 2)] for _ in range(2))
    assert first == second and 1 <= len(first) <= 2 and all(loss > 0 for loss in first)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_does_not_fit_is_refused(tiny_model: Callable[..., Yolov5], tiny_data: Callable[..., Path]) -> None:
    data = tiny_data(["a", "b"], folder="two")
    with pytest.raises(DataError, match="has the 2 classes a, b, the weights have 3: a, b, c"):
        next(batch_losses(tiny_model(), data, 1))
    with pytest.raises(UsageError, match="--batches is 0, expected 1 or more"):
        next(batch_losses(tiny_model(), data, 0))
