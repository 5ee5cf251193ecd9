"""Scores: each one against the definition in plain numpy, on layers that share channels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from compress.channels.flow import ChannelFlow, channel_flow
from compress.channels.layers import Group, Layer
from compress.nets.convnext.layer_norm import LayerNorm2d
from compress.nets.yolov5 import Yolov5
from compress.prune.scores import filter_scores, gamma_scores, group_scores, taylor_scores


def two_norms(first: list[float], second: list[float], order: list[int] | None = None) -> tuple[nn.Module, ChannelFlow]:
    """Two batch norms over the same two channels; `order` is how the second one meets them."""
    model = nn.Module()
    for name, values in (("x", first), ("y", second)):
        norm = nn.BatchNorm2d(len(values))
        norm.weight.data = torch.tensor(values)
        model.add_module(name, norm)
    classes = np.arange(5, 7)
    norms = {"x": Layer("x", classes, classes), "y": Layer("y", classes, classes[order or [0, 1]])}
    return model, ChannelFlow({}, norms, [Group("c", classes, ["c"], ["x", "y"])])


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param([0, 1], [0.5, 0.9], id="the largest of the two"),
        pytest.param([1, 0], [0.2, 0.9], id="by channel, not by position"),
    ],
)
def test_gamma_of_a_shared_channel(order: list[int], expected: list[float]) -> None:
    found = gamma_scores(*two_norms([0.1, -0.9], [-0.5, 0.2], order))
    assert found["c"].dtype == np.float64 and found["c"] == pytest.approx(expected)


def test_pinned_group_has_no_score() -> None:
    model, flow = two_norms([0.1, -0.9], [-0.5, 0.2])
    flow.groups[0].pinned = "an output of the model"
    assert gamma_scores(model, flow) == {} and filter_scores(model, flow, 1) == {}


@pytest.mark.parametrize("order", [1, 2])
def test_filters_of_all_members_count_against_the_groups_mean(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow, order: int
) -> None:
    model = tiny_model()
    found = filter_scores(model, tiny_flow, order)
    assert set(found) == {group.name for group in tiny_flow.groups if not group.pinned}
    assert any(len(group.convolutions) > 1 for group in tiny_flow.removable()), "a shortcut's channels have two makers"
    for group in tiny_flow.removable():
        weights = [model.get_parameter(f"{name}.weight").detach().double().numpy() for name in group.convolutions]
        rows = [np.concatenate([w[i].ravel() for w in weights]) for i in range(len(group.classes))]
        norms = np.array([np.linalg.norm(row, order) for row in rows])
        assert found[group.name] == pytest.approx(norms / norms.mean(), rel=1e-9)


def test_taylor_is_the_mean_square_of_what_the_gates_do_to_the_loss() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    nn.init.uniform_(model[1].weight, 0.5, 1.5)
    nn.init.uniform_(model[1].bias, -0.5, 0.5)
    classes = np.arange(4)
    flow = ChannelFlow(
        {"0": Layer("0", np.arange(10, 13), classes)},
        {"1": Layer("1", classes, classes)},
        [Group("0", classes, ["0"], ["1"])],
    )
    batches = [torch.randn(2, 3, 4, 4) for _ in range(3)]
    found = taylor_scores(model, flow, (model(batch).square().mean() for batch in batches))
    expected = np.zeros(4)
    for batch in batches:  # a gate of 1 on each channel behind the batch norm: the gradient there is what counts
        gate = torch.ones(1, 4, 1, 1, requires_grad=True)
        loss = model[2](model[1](model[0](batch)) * gate).square().mean()
        expected += torch.autograd.grad(loss, gate)[0].flatten().double().numpy() ** 2 / 3
    assert found["0"] == pytest.approx(expected, rel=1e-4)
    assert all(p.grad is None for p in model.parameters()), "no gradient is left behind"


def test_group_norm_counts_all_that_goes_with_a_channel() -> None:
    """By hand: the filter that makes it, its gamma, and the slices of both convolutions that take it."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.n = nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4)
            self.b, self.c = nn.Conv2d(4, 2, 3), nn.Conv2d(4, 5, 1)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x = self.n(self.a(x))
            return self.b(x), self.c(x)

    torch.manual_seed(0)
    net = Net().double()
    net.n.weight.data = torch.tensor([0.1, 2.0, -3.0, 0.5], dtype=torch.float64)
    flow = channel_flow(net, torch.zeros(1, 3, 8, 8, dtype=torch.float64))
    (score,) = group_scores(net, flow).values()
    weights = (
        net.a.weight.square().sum((1, 2, 3)),
        net.b.weight.square().sum((0, 2, 3)),
        net.c.weight.square().sum((0, 2, 3)),
    )
    total = (sum(weights) + net.n.weight.square()).sqrt().detach().numpy()  # type: ignore[union-attr]
    np.testing.assert_allclose(score, total / total.mean(), rtol=1e-12)


class Scaled(nn.Module):
    """A layer norm, and two convolutions without one, the last of which a layer scale multiplies."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.n, self.b = nn.Conv2d(3, 4, 1), LayerNorm2d(4), nn.Conv2d(4, 6, 1)
        self.c, self.gamma, self.end = nn.Conv2d(6, 5, 1), nn.Parameter(torch.rand(5) + 0.5), nn.Conv2d(5, 2, 1)
        nn.init.uniform_(self.n.weight, -1.5, 1.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.nn.functional.gelu(self.b(self.n(self.a(x))))
        return self.end(self.c(x) * self.gamma.view(1, -1, 1, 1))


def test_what_has_no_batch_norm_is_scored_by_what_it_puts_out() -> None:
    torch.manual_seed(0)
    net = Scaled().double()
    flow = channel_flow(net, torch.zeros(1, 3, 8, 8, dtype=torch.float64))
    gammas = gamma_scores(net, flow)
    weights = {name: net.get_parameter(f"{name}.weight").detach()[:, :, 0, 0].numpy() for name in "abc"}
    scale = net.gamma.detach().numpy()
    hidden = np.sqrt(weights["b"] ** 2 @ net.n.weight.detach().numpy() ** 2)
    assert gammas["a"] == pytest.approx(net.n.weight.detach().abs().numpy())
    assert gammas["b"] == pytest.approx(hidden), "the deviation of what it makes of normalised inputs"
    assert gammas["c"] == pytest.approx(np.sqrt(weights["c"] ** 2 @ hidden**2) * scale)
    for order in (1, 2):
        filters = np.linalg.norm(weights["c"], order, axis=1) * scale
        assert filter_scores(net, flow, order)["c"] == pytest.approx(filters / filters.mean())


def test_taylor_gates_what_a_layer_norm_and_a_bare_convolution_put_out() -> None:
    torch.manual_seed(0)
    net = Scaled().double()
    batch = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    flow = channel_flow(net, batch[:1])
    found = taylor_scores(net, flow, [net(batch).square().mean()])
    for name, place in (("a", net.n), ("b", net.b), ("c", net.c)):
        gate = torch.ones(1, len(found[name]), 1, 1, dtype=torch.float64, requires_grad=True)
        hook = place.register_forward_hook(lambda _, __, out, gate=gate: out * gate)
        loss = net(batch).square().mean()
        hook.remove()
        expected = torch.autograd.grad(loss, gate)[0].flatten().numpy() ** 2
        assert found[name] == pytest.approx(expected, rel=1e-6)
