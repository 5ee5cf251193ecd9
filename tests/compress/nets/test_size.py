"""The cost of a model, against the published figures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from compress.nets.family import architecture
from compress.nets.size import flops, parameters
from compress.nets.yolov5 import Yolov5


def test_yolov5n_costs_what_is_published() -> None:
    model = Yolov5(architecture("yolov5n", 80), [f"c{i}" for i in range(80)])
    assert parameters(model) == 1872157
    assert flops(model, 640) == pytest.approx(4.5e9, rel=0.02)


def test_a_convolution_costs_two_operations_a_multiplication() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False))
    assert parameters(model) == 3 * 8 * 9
    assert flops(model, 32) == 2 * 3 * 8 * 9 * 32 * 32


def test_counting_leaves_the_model_as_it_was(tiny_model: Callable[..., Yolov5]) -> None:
    model = tiny_model().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    flops(model, 64)
    after = model.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())


def test_cost_grows_with_the_image_and_shrinks_with_the_width(tiny_model: Callable[..., Yolov5]) -> None:
    model, wide = tiny_model(), tiny_model(width_multiple=0.25)
    assert flops(model, 128) == pytest.approx(4 * flops(model, 64), rel=1e-3)
    assert parameters(wide) > 3 * parameters(model)
