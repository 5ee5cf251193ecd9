"""The plan that pruning settings ask for: which channels may go, what each is worth, and how many go."""

from __future__ import annotations

from dataclasses import replace

from compress.channels.flow import ChannelFlow, channel_flow, example_image
from compress.channels.protect import kept_on_purpose
from compress.cost.calibrate import calibrate
from compress.cost.chips import find_chip
from compress.cost.latency_cost import latency_cost
from compress.nets.detector import Detector
from compress.prune.batch_losses import batch_losses
from compress.prune.budget import Cost, flops_cost, params_cost
from compress.prune.choose import choose_for
from compress.prune.goal import Goal, read_amount
from compress.prune.plan import Plan, load_plan, read_plan
from compress.prune.scores import Scores, filter_scores, gamma_scores, group_scores, taylor_scores
from compress.prune.slim_widths import slim_plan
from compress.stages.prune_settings import DEFAULT_PERCENT, PruneSettings


def flow_of(model: Detector, settings: PruneSettings) -> ChannelFlow:
    """The channels that belong together, with those pinned that must stay."""
    example = example_image(model)
    if settings.plan:  # what a plan holds back, it has kept already
        return channel_flow(model, example, read_plan(settings.plan).places())
    return kept_on_purpose(channel_flow(model, example), settings.shortcuts, settings.protect)


def plan_of(model: Detector, flow: ChannelFlow, settings: PruneSettings) -> Plan:
    """The plan file that is given, or the choice by scores. Raises UsageError for a goal that cannot be reached."""
    if settings.plan:
        return load_plan(settings.plan, flow)
    scores = scores_of(model, flow, settings)
    if settings.cfg:
        return _told(slim_plan(model, flow, scores, settings.cfg, settings.align), settings)
    goal, cost = _goal(model, flow, scores, settings)
    plan = choose_for(flow, scores, goal, settings.align, cost, settings.floor, settings.by_saving)
    return _told(plan, settings)


def _told(plan: Plan, settings: PruneSettings) -> Plan:
    """The plan with what it was chosen by."""
    return replace(plan, score=settings.score, shortcuts=settings.shortcuts, protect=list(settings.protect))


def scores_of(model: Detector, flow: ChannelFlow, settings: PruneSettings) -> Scores:
    """What each channel is worth, by the score that the settings name."""
    if settings.score == "gamma":
        return gamma_scores(model, flow)
    if settings.score == "taylor":
        assert settings.data, "the settings have refused this"
        return taylor_scores(model, flow, batch_losses(model, settings.data, settings.batches))
    if settings.score == "group":
        return group_scores(model, flow)
    return filter_scores(model, flow, 1 if settings.score == "l1" else 2)


def _goal(model: Detector, flow: ChannelFlow, scores: Scores, settings: PruneSettings) -> tuple[Goal, Cost | None]:
    """The goal, and what measures a choice against it where that is no count of channels."""
    if settings.threshold is not None:
        return Goal("threshold", settings.threshold), None
    if settings.uniform is not None:
        return Goal("uniform", settings.uniform), None
    if settings.latency is not None:
        return Goal("latency", settings.latency), _latency_cost(model, flow, scores, settings)
    whole = {group.name: len(group.classes) for group in flow.removable()}
    if settings.flops:
        cost = flops_cost(model, flow, model.imgsz)
        return Goal("flops", read_amount("--flops", settings.flops, cost(whole))), cost
    if settings.params:
        cost = params_cost(model, flow)
        return Goal("params", read_amount("--params", settings.params, cost(whole))), cost
    return Goal("percent", DEFAULT_PERCENT if settings.percent is None else settings.percent), None


def _latency_cost(model: Detector, flow: ChannelFlow, scores: Scores, settings: PruneSettings) -> Cost:
    chip = find_chip(settings.soc)
    calibration = calibrate(settings.calibrate, [], chip) if settings.calibrate else None
    return latency_cost(model, flow, scores, model.imgsz, chip, calibration)
