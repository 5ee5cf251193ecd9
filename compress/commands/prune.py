"""prune: remove channels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.commands.declare import Verbs, answer, verb
from deploy.errors import UsageError

if TYPE_CHECKING:
    from compress.channels.flow import ChannelFlow
    from compress.nets.detector import Detector
    from compress.prune.budget import Cost
    from compress.prune.plan import Plan
    from compress.prune.scores import Scores

DEFAULT_PERCENT = 0.5


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "prune", prune, "remove the channels that matter least")
    parser.add_argument("--weights", required=True, metavar="FILE", help="a checkpoint, or a .pt of ultralytics")
    goals = parser.add_argument_group("how much (one of them)").add_mutually_exclusive_group()
    goals.add_argument(
        "--percent", type=float, metavar="X", help=f"share of channels to remove, 0..1 (default: {DEFAULT_PERCENT})"
    )
    goals.add_argument("--threshold", type=float, metavar="X", help="remove the channels whose score is lower")
    goals.add_argument("--flops", metavar="F", help="FLOPs that may remain: a share (0.4, 40%%) or an amount (2.1G)")
    goals.add_argument("--params", metavar="P", help="parameters that may remain: a share or an amount (1.5M)")
    goals.add_argument("--latency", type=float, metavar="MS", help="estimated latency on --soc that may remain")
    goals.add_argument(
        "--uniform", type=float, metavar="X", help="every layer keeps this share: the half-width control"
    )
    goals.add_argument("--plan", metavar="FILE", help="apply this plan as it is")
    parser.add_argument("--soc", default="Ascend310", help="the chip of --latency (default: %(default)s)")
    parser.add_argument(
        "--calibrate", metavar="FILE", help="for --latency: a .json that cost --save wrote (default: uncalibrated)"
    )
    how = parser.add_argument_group("which")
    how.add_argument(
        "--score",
        choices=("gamma", "l1", "l2", "taylor"),
        default="gamma",
        help="what a channel is judged by: |gamma|, the norm of its filters, or its effect on the loss "
        "(taylor, needs --data) (default: %(default)s)",
    )
    how.add_argument("--data", metavar="FILE", help="data.yaml whose train images --score taylor uses")
    how.add_argument("--batches", type=int, default=16, help="batches of 8 for --score taylor (default: %(default)s)")
    how.add_argument("--align", type=int, default=8, help="every count is a multiple of this (default: %(default)s)")
    how.add_argument(
        "--shortcuts",
        choices=("group", "keep"),
        default="group",
        help="channels that additions unite: prune them together, or keep them (default: %(default)s)",
    )
    how.add_argument(
        "--protect",
        action="append",
        default=[],
        metavar="PATTERN",
        help="keep the layers that match, such as 'model.0.*'; may be given several times",
    )
    parser.add_argument(
        "--no-fold",
        dest="fold",
        action="store_false",
        help="drop what removed channels emit at gamma 0 instead of folding it into the layers behind",
    )
    parser.add_argument("--plan-only", action="store_true", help="write the plan to --out, a .json, and prune nothing")
    parser.add_argument("--out", required=True, metavar="FILE", help="checkpoint to write; its plan goes beside it")


def prune(options: argparse.Namespace) -> None:
    from compress.nets.checkpoint import save_checkpoint
    from compress.nets.size import flops, parameters
    from compress.nets.weights import open_weights
    from compress.prune import surgery
    from compress.prune.fold import fold_constants
    from compress.report.plan_table import plan_table
    from deploy.hashes import file_sha256

    out = _check_out(options)
    model, history = open_weights(options.weights)
    flow = _flow(model, options)
    plan = _plan(model, flow, options)
    if options.plan_only:
        out.parent.mkdir(parents=True, exist_ok=True)
        plan.save(out)
        short = {"plan": str(out), "removed_share": plan.removed_share()}
        answer(options, short, f"{plan_table(plan)}\n{_removed(plan)}\n{out}")
        return
    slim, difference = surgery.prune(model, flow, plan)
    if options.fold:
        slim = surgery.cut(fold_constants(model, flow, plan), flow, plan)
    before = {"parameters": parameters(model), "flops": flops(model, model.imgsz)}
    after = {"parameters": parameters(slim), "flops": flops(slim, model.imgsz)}
    entry = {
        "stage": "prune",
        "settings": {
            **plan.goal,
            "align": plan.align,
            "score": plan.score,
            "shortcuts": plan.shortcuts,
            "protect": plan.protect,
            "fold": options.fold,
        },
        "sha256": file_sha256(options.weights),
        "removed_share": round(plan.removed_share(), 4),
        "masked_difference": difference,
        **after,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    plan_file = out.with_suffix(".plan.json")
    plan.save(plan_file)
    save_checkpoint(slim, out, [*history, entry])
    summary = (
        f"{plan_table(plan)}\n{_removed(plan)}\n"
        f"parameters {before['parameters'] / 1e6:.3f} M -> {after['parameters'] / 1e6:.3f} M, "
        f"FLOPs {before['flops'] / 1e9:.3f} G -> {after['flops'] / 1e9:.3f} G at {model.imgsz} px\n"
        f"masked and pruned model agree within {difference:.1e} of the output's scale\n"
        f"{out}\n{plan_file}"
    )
    result: dict[str, Any] = {"weights": str(out), "plan": str(plan_file), "before": before, "after": after}
    answer(options, {**result, "removed_share": plan.removed_share(), "masked_difference": difference}, summary)


def _check_out(options: argparse.Namespace) -> Path:
    out = Path(options.out)
    suffix = ".json" if options.plan_only else ".safetensors"
    if out.suffix != suffix:
        raise UsageError(f"--out is {out}, expected a file that ends in {suffix}")
    for option in ("weights", "plan"):
        taken = getattr(options, option)
        if taken and out.exists() and out.samefile(taken):
            raise UsageError(f"--out is {out}, the very file that --{option} names; expected another one")
    if options.score == "taylor" and not options.data and not options.plan:
        raise UsageError("--score taylor needs --data: it judges channels by the loss on training images")
    if options.plan and options.plan_only:
        raise UsageError("--plan and --plan-only exclude each other: one applies a plan, the other writes one")
    return out


def _flow(model: Detector, options: argparse.Namespace) -> ChannelFlow:
    import torch

    from compress.channels.flow import channel_flow
    from compress.channels.hold import keep_shortcuts, protect
    from compress.prune.plan import read_plan

    example = torch.zeros(1, 3, 64, 64)
    if options.plan:  # what a plan holds back, it has kept already
        return channel_flow(model, example, read_plan(options.plan).places())
    flow = channel_flow(model, example)
    if options.shortcuts == "keep":
        flow = keep_shortcuts(flow)
    return protect(flow, options.protect)


def _plan(model: Detector, flow: ChannelFlow, options: argparse.Namespace) -> Plan:
    from dataclasses import replace

    from compress.prune.budget import flops_cost, params_cost
    from compress.prune.choose import choose_for
    from compress.prune.goal import Goal, read_amount
    from compress.prune.plan import load_plan

    if options.plan:
        return load_plan(options.plan, flow)
    cost = None
    scores = _scores(model, flow, options)
    if options.threshold is not None:
        goal = Goal("threshold", options.threshold)
    elif options.uniform is not None:
        goal = Goal("uniform", options.uniform)
    elif options.latency is not None:
        goal = Goal("latency", options.latency)
        cost = _latency_cost(model, flow, scores, options)
    elif options.flops or options.params:
        kind = "flops" if options.flops else "params"
        cost = flops_cost(model, flow, model.imgsz) if options.flops else params_cost(model, flow)
        whole = cost({group.name: len(group.classes) for group in flow.removable()})
        goal = Goal(kind, read_amount(f"--{kind}", options.flops or options.params, whole))  # type: ignore[arg-type]
    else:
        goal = Goal("percent", DEFAULT_PERCENT if options.percent is None else options.percent)
    plan = choose_for(flow, scores, goal, options.align, cost)
    return replace(plan, score=options.score, shortcuts=options.shortcuts, protect=options.protect)


def _latency_cost(model: Detector, flow: ChannelFlow, scores: Scores, options: argparse.Namespace) -> Cost:
    from compress.cost.calibrate import calibrate
    from compress.cost.chips import find_chip
    from compress.cost.latency_cost import latency_cost

    chip = find_chip(options.soc)
    if options.calibrate and Path(options.calibrate).suffix != ".json":
        raise UsageError(f"--calibrate is {options.calibrate}, expected a .json that cost --save wrote")
    calibration = calibrate(options.calibrate, [], chip) if options.calibrate else None
    return latency_cost(model, flow, scores, model.imgsz, chip, calibration)


def _scores(model: Detector, flow: ChannelFlow, options: argparse.Namespace) -> Scores:
    from compress.prune.batch_losses import batch_losses
    from compress.prune.scores import filter_scores, gamma_scores, taylor_scores

    if options.score == "gamma":
        return gamma_scores(model, flow)
    if options.score == "taylor":
        return taylor_scores(model, flow, batch_losses(model, options.data, options.batches))
    return filter_scores(model, flow, 1 if options.score == "l1" else 2)


def _removed(plan: Plan) -> str:
    return f"removed {plan.removed_share():.1%} of the channels, alignment {plan.align}"
