"""The choice of channels: alignment as part of it, no layer emptied, and network slimming's rule at alignment 1."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from compress.channels.flow import ChannelFlow
from compress.channels.layers import Group, Layer
from compress.prune.choose import choose, choose_for, highest_threshold
from compress.prune.goal import Goal
from compress.prune.scores import gamma_scores
from deploy.errors import UsageError

WIDTHS = [8, 16, 16, 24, 32, 64, 128]


def bench(
    gammas: list[list[float]] | list[np.ndarray], pinned: dict[int, str] | None = None
) -> tuple[nn.Module, ChannelFlow]:
    """A model of one batch norm a group, and its flow."""
    model = nn.Module()
    groups, norms, start = [], {}, 0
    for i, values in enumerate(gammas):
        norm = nn.BatchNorm2d(len(values))
        norm.weight.data = torch.tensor(np.asarray(values), dtype=torch.float32)
        model.add_module(f"n{i}", norm)
        reason = (pinned or {}).get(i, "")
        classes = np.arange(start, start + len(values))
        groups.append(Group(f"c{i}", classes, [f"c{i}"], [f"n{i}"], reason))
        norms[f"n{i}"] = Layer(f"n{i}", classes, classes)
        start += len(values)
    return model, ChannelFlow({}, norms, groups)


def random_gammas(seed: int = 0, widths: list[int] = WIDTHS) -> list[np.ndarray]:
    """Layers that matter unequally, some signs negative."""
    random = np.random.default_rng(seed)
    return [random.normal(0, random.uniform(0.2, 2), w).astype(np.float32) for w in widths]


@pytest.mark.parametrize(
    ("percent", "align"),
    [(percent, align) for percent in (0.0, 0.1, 0.3, 0.5, 0.65) for align in (1, 2, 8, 16)]
    + [(0.0, 32), (0.3, 32), (0.44, 32)],  # four of the seven groups are narrower than 32
)
def test_every_count_is_aligned_and_the_share_is_the_wanted_one(percent: float, align: int) -> None:
    model, flow = bench(random_gammas())
    plan = choose(model, flow, percent, align)
    assert (plan.goal, plan.align) == ({"percent": percent}, align)
    trimmed = sum(w % align for w in WIDTHS if w >= align)  # what no aligned count can keep
    wanted = max(int(sum(WIDTHS) * percent), trimmed)
    removed = sum(len(g.removed) for g in plan.groups)
    assert abs(removed - wanted) <= align / 2 + trimmed % max(align, 1)
    for group, width in zip(plan.groups, WIDTHS, strict=True):
        assert sorted(group.kept + group.removed) == list(range(width))
        assert group.kept == sorted(group.kept) and group.removed == sorted(group.removed)
        if width < align:
            assert len(group.kept) == width
            assert group.reason == f"kept whole: narrower than the alignment {align}"
        else:
            assert len(group.kept) >= align and len(group.kept) % align == 0


@pytest.mark.parametrize("align", [1, 2, 8, 16])
@pytest.mark.parametrize("seed", range(3))
def test_what_goes_in_a_group_is_its_weakest_part(seed: int, align: int) -> None:
    gammas = random_gammas(seed)
    model, flow = bench(gammas)
    for group, values in zip(choose(model, flow, 0.5, align).groups, gammas, strict=True):
        if group.removed:
            assert np.abs(values[group.removed]).max() <= np.abs(values[group.kept]).min()
        assert group.score == pytest.approx(np.abs(values), abs=1e-6)


def sort_and_threshold(gammas: list[np.ndarray], percent: float) -> list[list[int]]:
    """Network slimming in plain words: all channels in one row, the weakest go, but each layer keeps its best."""
    best = [int(np.argmax(np.abs(values))) for values in gammas]
    row = [(abs(float(v)), layer, i) for layer, values in enumerate(gammas) for i, v in enumerate(values)]
    count = int(len(row) * percent)
    candidates = sorted(entry for entry in row if entry[2] != best[entry[1]])
    removed = candidates[:count]
    return [sorted(i for _, layer, i in removed if layer == which) for which in range(len(gammas))]


@pytest.mark.parametrize("percent", [0.0, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_alignment_1_is_network_slimming(seed: int, percent: float) -> None:
    gammas = random_gammas(seed)
    model, flow = bench(gammas)
    plan = choose(model, flow, percent, 1)
    assert [g.removed for g in plan.groups] == sort_and_threshold(gammas, percent)
    row = np.sort(np.abs(np.concatenate(gammas)))
    assert plan.threshold == pytest.approx(row[int(len(row) * percent)] if percent else 0)


@pytest.mark.parametrize(
    ("first", "second", "removed"),
    [
        pytest.param([1, 5], [2, 2], [[], [2, 3]], id="though the weakest channel is in the other"),
        pytest.param([1, 5], [4, 4], [[2, 3], []], id="though a stronger channel goes with it"),
    ],
)
def test_the_block_with_the_lower_mean_goes(first: list[float], second: list[float], removed: list[list[int]]) -> None:
    model, flow = bench([[9, 9, *first], [9, 9, *second]])
    assert [g.removed for g in choose(model, flow, 0.25, 2).groups] == removed


def test_half_a_block_is_rounded_to_the_nearer_count() -> None:
    gammas = [[float(i) for i in range(1, 17)]]
    for percent, left in ((0.2, 16), (0.3, 12), (0.36, 12), (0.45, 8)):  # 3, 4, 5 and 7 of 16 wanted
        model, flow = bench(gammas)
        assert len(choose(model, flow, percent, 4).groups[0].kept) == (12 if percent == 0.2 else left)


@pytest.mark.parametrize(
    ("percent", "left"),
    [
        pytest.param(2 / 16, 12, id="two of four: as near with the block as without, so it goes"),
        pytest.param(1 / 16, 16, id="one of four: nearer without"),
        pytest.param(6 / 16, 8, id="six: the second block is as near, too"),
        pytest.param(5 / 16, 12, id="five: one block is nearer"),
    ],
)
def test_a_block_that_comes_as_near_as_leaving_it_is_taken(percent: float, left: int) -> None:
    model, flow = bench([[float(i) for i in range(1, 17)]])
    assert len(choose(model, flow, percent, 4).groups[0].kept) == left


@pytest.mark.parametrize(
    ("gammas", "percent", "align", "kept", "reason"),
    [
        pytest.param([1, 2, 3, 4], 0.5, 2, [2, 3], "below threshold", id="two wanted, two gone"),
        pytest.param([1, 2, 3, 4], 0.0, 2, [0, 1, 2, 3], "all above threshold", id="none wanted"),
        pytest.param([1, 2, 3, 4], 0.25, 4, [0, 1, 2, 3], "aligned up: 1 kept below the threshold", id="put back"),
        pytest.param(
            [1, 2, 3, 4, 5], 0.0, 4, [1, 2, 3, 4], "aligned down: 1 removed above the threshold", id="trimmed"
        ),
        pytest.param([-4, 1, -2, 3], 0.5, 2, [0, 3], "below threshold", id="the sign does not count"),
    ],
)
def test_plan_says_why(gammas: list[float], percent: float, align: int, kept: list[int], reason: str) -> None:
    model, flow = bench([gammas])
    (group,) = choose(model, flow, percent, align).groups
    assert (group.kept, group.reason) == (kept, reason)


def test_pinned_group_is_kept_and_says_why() -> None:
    model, flow = bench([[0.0] * 8, [1.0] * 8], pinned={0: "an output of the model"})
    pinned, free = choose(model, flow, 0.5, 1).groups
    assert (pinned.kept, pinned.removed, pinned.score) == (list(range(8)), [], [])
    assert pinned.reason == "protected: an output of the model"
    assert len(free.removed) == 4, "the percentage is one of the channels that can go"


@pytest.mark.parametrize("value", [0.0, 0.7])
@pytest.mark.parametrize("align", [1, 8])
def test_ties_still_give_the_wanted_share_and_the_same_plan(value: float, align: int) -> None:
    model, flow = bench([np.full(w, value) for w in WIDTHS])
    plan, again = choose(model, flow, 0.5, align), choose(model, flow, 0.5, align)
    assert plan == again
    assert abs(sum(len(g.removed) for g in plan.groups) - sum(WIDTHS) / 2) <= align / 2
    assert all(len(g.kept) >= align and len(g.kept) % align == 0 for g in plan.groups)
    assert all(g.kept == list(range(len(g.kept))) for g in plan.groups), "of equals the first stay"


def test_among_equals_in_between_the_first_stay() -> None:
    values = np.random.default_rng(0).choice([0.25, 0.5, 1.0], 128)
    model, flow = bench([values])
    (group,) = choose(model, flow, 0.5, 1).groups
    assert group.kept == sorted(sorted(range(128), key=lambda i: (-values[i], i))[:64])


def test_a_layer_of_zeros_keeps_a_block() -> None:
    model, flow = bench([[0.0] * 16, list(range(1, 17))])
    plan = choose(model, flow, 0.5, 8)
    assert [len(g.kept) for g in plan.groups] == [8, 8]


@pytest.mark.parametrize(
    ("percent", "align", "message"),
    [
        (1.0, 8, "--percent is 1, expected 0 up to but not including 1"),
        (-0.1, 8, "--percent is -0.1"),
        (50, 8, "--percent is 50"),
        (float("nan"), 8, "--percent is nan"),
        (0.5, 0, "--align is 0, expected 1 to 64"),
        (0.5, -8, "--align is -8"),
        (0.5, 65, "--align is 65"),
        (0.9, 8, r"--percent is 0.9, but with --align 8 at most 0.806 can be removed"),
        (0.999, 1, "at most 0.976 can be removed"),
    ],
)
def test_what_cannot_be_done_names_the_limit(percent: float, align: int, message: str) -> None:
    model, flow = bench(random_gammas())
    with pytest.raises(UsageError, match=message):
        choose(model, flow, percent, align)


@pytest.mark.parametrize("align", [1, 8, 16])
def test_the_limit_itself_can_be_reached(align: int) -> None:
    model, flow = bench(random_gammas())
    limit = sum(w - min(w, align) for w in WIDTHS)
    plan = choose(model, flow, (limit + 0.5) / sum(WIDTHS), align)
    assert [len(g.kept) for g in plan.groups] == [min(w, align) for w in WIDTHS]
    with pytest.raises(UsageError, match=f"at most {limit / sum(WIDTHS):.3f} can be removed"):
        choose(model, flow, (limit + align + 0.5) / sum(WIDTHS), align)


def test_alignment_wider_than_every_group_is_refused() -> None:
    model, flow = bench([[1.0] * 8, [1.0] * 12])
    with pytest.raises(UsageError, match="--align is 16, but the widest group has 12 channels"):
        choose(model, flow, 0.5, 16)


def test_model_without_removable_channels_is_refused() -> None:
    model, flow = bench([[1.0] * 8], pinned={0: "an output of the model"})
    with pytest.raises(UsageError, match="no channels that can be removed"):
        choose(model, flow, 0.5, 1)


@pytest.mark.parametrize(
    ("threshold", "align", "kept"),
    [
        pytest.param(2.5, 1, [2, 3], id="lower scores go"),
        pytest.param(2.0, 1, [1, 2, 3], id="a score that equals the threshold stays"),
        pytest.param(2.5, 4, [0, 1, 2, 3], id="one block is left whatever its scores"),
        pytest.param(4.0, 2, [2, 3], id="three below: one block is nearer than two"),
    ],
)
def test_threshold(threshold: float, align: int, kept: list[int]) -> None:
    model, flow = bench([[1, 2, 3, 4]])
    plan = choose_for(flow, gamma_scores(model, flow), Goal("threshold", threshold), align)
    assert plan.groups[0].kept == kept and plan.goal == {"threshold": threshold}


def test_threshold_above_a_layers_largest_score_names_the_layer() -> None:
    model, flow = bench([[1, 2, 3, 4], [0.25, 0.5]])
    scores = gamma_scores(model, flow)
    assert highest_threshold(scores) == (0.5, "c1")
    with pytest.raises(UsageError, match=r"--threshold is 0.6, but the largest score of c1 is 0.5"):
        choose_for(flow, scores, Goal("threshold", 0.6), 1)


@pytest.mark.parametrize(
    ("share", "align", "widths"),
    [
        pytest.param(0.5, 1, [4, 8, 8, 12, 16, 32, 64], id="half of each"),
        pytest.param(0.5, 8, [8, 8, 8, 16, 16, 32, 64], id="half a block counts as one, the last block stays"),
        pytest.param(0.1, 8, [8, 8, 8, 8, 8, 8, 16], id="never less than a block"),
        pytest.param(0.5, 16, [8, 16, 16, 16, 16, 32, 64], id="narrower than the alignment: whole"),
        pytest.param(1.0, 8, WIDTHS, id="all"),
    ],
)
def test_uniform_keeps_the_same_share_of_each(share: float, align: int, widths: list[int]) -> None:
    gammas = random_gammas()
    model, flow = bench(gammas)
    plan = choose_for(flow, gamma_scores(model, flow), Goal("uniform", share), align)
    assert [len(g.kept) for g in plan.groups] == widths
    for group, values in zip(plan.groups, gammas, strict=True):
        if group.removed:
            assert np.abs(values[group.removed]).max() <= np.abs(values[group.kept]).min()


@pytest.mark.parametrize("align", [1, 8])
@pytest.mark.parametrize("limit", [100, 150, 250])
def test_cost_goal_takes_the_weakest_blocks_until_it_is_met(limit: int, align: int) -> None:
    model, flow = bench(random_gammas())
    scores = gamma_scores(model, flow)

    def cost(kept: dict[str, int]) -> float:
        return float(sum(kept.values()))

    plan = choose_for(flow, scores, Goal("params", limit), align, cost)
    left = sum(len(g.kept) for g in plan.groups)
    assert limit - align < left <= limit, "the first block that is within the goal is the last one taken"
    assert plan == choose_for(flow, scores, Goal("params", limit), align, cost)
    by_count = choose_for(flow, scores, Goal("percent", 1 - (left - 0.5) / sum(WIDTHS)), align)
    assert [g.kept for g in plan.groups] == [g.kept for g in by_count.groups], "the order is the same for every goal"


def test_cost_goal_out_of_reach_names_what_remains() -> None:
    model, flow = bench(random_gammas())
    with pytest.raises(UsageError, match=r"--flops asks for at most 20, but with --align 8 at least 56 remains"):
        choose_for(flow, gamma_scores(model, flow), Goal("flops", 20), 8, lambda kept: sum(kept.values()))


@pytest.mark.parametrize("floor", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("align", [1, 8])
def test_every_group_keeps_its_floor(floor: float, align: int) -> None:
    """Whole blocks at or above it; without a floor one block is enough."""
    model, flow = bench([np.full(64, 0.01), np.full(64, 1.0), np.full(20, 0.02)])
    plan = choose_for(flow, gamma_scores(model, flow), Goal("percent", 0.45), align, floor=floor)
    for group in plan.groups:
        least = max(align, int(np.ceil(floor * group.width / align)) * align)
        assert len(group.kept) >= min(least, group.width - group.width % align)
    least = max(align, int(np.ceil(floor * 64 / align)) * align)
    assert len(plan.groups[0].kept) == least, "the weakest go as far down"


def test_a_floor_that_the_goal_cannot_keep() -> None:
    model, flow = bench([np.full(64, 0.01), np.full(64, 1.0)])
    with pytest.raises(UsageError, match="or fall below its floor"):
        choose_for(flow, gamma_scores(model, flow), Goal("percent", 0.6), 8, floor=0.5)


def test_blocks_by_what_they_save() -> None:
    """Of two layers that matter alike, the one that costs ten times as much goes first; by score alone both do."""
    model, flow = bench([np.linspace(1, 2, 32), np.linspace(0.99, 1.99, 32)])

    def cost(kept: dict[str, int]) -> float:
        return 10.0 * kept["c0"] + kept["c1"]

    scores, goal = gamma_scores(model, flow), Goal("flops", 0.7 * cost({"c0": 32, "c1": 32}))
    plain, saving = (choose_for(flow, scores, goal, 8, cost, by_saving=by) for by in (False, True))
    kept = [[len(g.kept) for g in plan.groups] for plan in (plain, saving)]
    assert kept == [[16, 16], [16, 32]]
    assert all(cost({g.name: len(g.kept) for g in plan.groups}) <= goal.value for plan in (plain, saving))
