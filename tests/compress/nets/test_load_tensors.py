"""Layers take the shapes of the tensors they are given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from compress.nets.load_tensors import load_tensors
from deploy.errors import ModelError


def chain(a: int, b: int, bias: bool = True) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, a, 3), nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, b, 1, bias=bias))


def test_slimmer_tensors_are_taken_over_bit_for_bit() -> None:
    wide, slim = chain(8, 4), chain(5, 2)
    load_tensors(wide, slim.state_dict(), "test")
    assert (wide[0].out_channels, wide[1].num_features, wide[3].in_channels, wide[3].out_channels) == (5, 5, 5, 2)
    image = torch.rand(1, 3, 6, 6)
    assert torch.equal(wide.eval()(image), slim.eval()(image))


def test_tensors_are_copies_that_train() -> None:
    wide, slim = chain(8, 4), chain(5, 2)
    load_tensors(wide, slim.state_dict(), "test")
    assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in wide.parameters())
    with torch.no_grad():
        wide[0].weight.zero_()
    assert slim[0].weight.any(), "the source keeps its own"


def test_frozen_parameters_stay_frozen() -> None:
    wide = chain(8, 4)
    wide[0].weight.requires_grad = False
    load_tensors(wide, chain(5, 2).state_dict(), "test")
    assert not wide[0].weight.requires_grad and wide[0].bias.requires_grad


def test_half_precision_becomes_float32_and_counters_stay_whole() -> None:
    wide = chain(8, 4)
    load_tensors(
        wide, {k: v.half() if v.is_floating_point() else v for k, v in chain(5, 2).state_dict().items()}, "test"
    )
    assert {v.dtype for k, v in wide.state_dict().items() if "num_batches" not in k} == {torch.float32}
    assert wide[1].num_batches_tracked.dtype == torch.int64


def test_grouped_convolution_counts_the_inputs_of_all_groups() -> None:
    wide, slim = nn.Conv2d(8, 8, 3, groups=4), nn.Conv2d(8, 4, 3, groups=4)
    load_tensors(wide, slim.state_dict(), "test")
    assert (wide.in_channels, wide.out_channels) == (8, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda t: t.pop("3.bias"), "lacks a tensor that its architecture needs, '3.bias'", id="missing"),
        pytest.param(lambda t: t.update(x=torch.ones(1)), "unknown to its architecture, 'x'", id="left over"),
        pytest.param(
            lambda t: t.update({"0.weight": torch.ones(5, 3, 1, 1)}),
            r"'0.weight' has shape \[5, 3, 1, 1\], expected one like \[8, 3, 3, 3\]",
            id="another kernel size",
        ),
        pytest.param(lambda t: t.update({"1.bias": torch.ones(5, 1)}), "'1.bias' has shape", id="another dimension"),
        pytest.param(
            lambda t: t.update({"1.running_var": torch.ones(4)}),
            r"layer '1' disagree on its channels: \[4, 5\]",
            id="a batch norm with statistics of another width",
        ),
        pytest.param(
            lambda t: t.update({"3.bias": torch.ones(3)}),
            r"layer '3' disagree on its channels: \[2, 3\]",
            id="a convolution with a bias of another width",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_refused(change: Callable, message: str) -> None:
    tensors = dict(chain(5, 2).state_dict())
    change(tensors)
    with pytest.raises(ModelError, match=message) as caught:
        load_tensors(chain(8, 4), tensors, "slim.file")
    assert str(caught.value).startswith("slim.file: ")


def test_only_convolutions_and_batch_norms_change_their_width() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.PReLU(4))
    with pytest.raises(ModelError, match=r"'1.weight' has shape \[2\], expected one like \[4\]"):
        load_tensors(model, {**nn.Sequential(nn.Conv2d(3, 2, 1), nn.PReLU(2)).state_dict()}, "test")
