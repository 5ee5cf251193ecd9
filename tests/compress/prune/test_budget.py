"""Budgets: the cost that is foreseen against the cost of the model that is then cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compress.channels.flow import ChannelFlow
from compress.nets.size import flops, parameters
from compress.nets.yolov5 import Yolov5
from compress.prune.budget import flops_cost, params_cost
from compress.prune.choose import choose_for
from compress.prune.goal import Goal
from compress.prune.plan import Plan
from compress.prune.scores import gamma_scores
from compress.prune.surgery import cut


def kept(plan: Plan) -> dict[str, int]:
    return {group.name: len(group.kept) for group in plan.groups if group.score}


@pytest.mark.parametrize("seed", range(3))
def test_foreseen_cost_is_that_of_the_cut_model(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow, random_plan: Callable[..., Plan], seed: int
) -> None:
    model, plan = tiny_model(), random_plan(tiny_flow, seed)
    slim = cut(model, tiny_flow, plan)
    assert params_cost(model, tiny_flow)(kept(plan)) == pytest.approx(parameters(slim), abs=0.5)
    found, true = flops_cost(model, tiny_flow, 64)(kept(plan)), flops(slim, 64)
    assert true <= found * (1 + 1e-9) and found == pytest.approx(true, rel=0.01)


@pytest.mark.parametrize(  # any two of them meet
    ("kind", "share", "align"), [("flops", 0.7, 1), ("flops", 0.5, 8), ("params", 0.7, 8), ("params", 0.5, 1)]
)
def test_cut_model_is_within_the_goal_and_near_it(
    tiny_model: Callable[..., Yolov5], nano_flow: ChannelFlow, kind: str, share: float, align: int
) -> None:
    model = tiny_model(width_multiple=0.25)
    cost = flops_cost(model, nano_flow, 64) if kind == "flops" else params_cost(model, nano_flow)
    count = (lambda m: flops(m, 64)) if kind == "flops" else parameters
    limit = share * count(model)
    plan = choose_for(nano_flow, gamma_scores(model, nano_flow), Goal(kind, limit), align, cost)  # type: ignore[arg-type]
    assert 0.9 * limit < count(cut(model, nano_flow, plan)) <= limit
