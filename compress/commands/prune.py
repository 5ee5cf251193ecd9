"""prune: remove channels."""

from __future__ import annotations

import argparse
from pathlib import Path

from compress.commands.declare import Verbs, answer, verb
from compute_mAP.errors import UsageError


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "prune", prune, "remove the channels with the smallest gammas")
    parser.add_argument("--weights", required=True, metavar="FILE", help="the checkpoint, or a YOLOv5 .pt")
    parser.add_argument(
        "--percent", type=float, default=0.5, help="share of channels to remove, 0..1 (default: %(default)s)"
    )
    parser.add_argument("--align", type=int, default=8, help="every count is a multiple of this (default: %(default)s)")
    parser.add_argument(
        "--no-fold",
        dest="fold",
        action="store_false",
        help="drop what removed channels emit at gamma 0 instead of folding it into the layers behind",
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="checkpoint to write; its plan goes beside it")


def prune(options: argparse.Namespace) -> None:
    import torch

    from compress.nets.checkpoint import file_sha256, save_checkpoint
    from compress.nets.weights import open_weights
    from compress.prune import surgery
    from compress.prune.choose import choose
    from compress.prune.cost import flops, parameters
    from compress.prune.flow import channel_flow
    from compress.prune.fold import fold_constants

    out = Path(options.out)
    if out.suffix != ".safetensors":
        raise UsageError(f"--out is {out}, expected a file that ends in .safetensors")
    if out.exists() and Path(options.weights).resolve() == out.resolve():
        raise UsageError(f"--out is {out}, the very checkpoint to prune; expected another file")
    model, history = open_weights(options.weights)
    flow = channel_flow(model, torch.zeros(1, 3, 64, 64))
    plan = choose(model, flow, options.percent, options.align)
    slim, difference = surgery.prune(model, flow, plan)
    if options.fold:
        slim = surgery.cut(fold_constants(model, flow, plan), flow, plan)
    before = {"parameters": parameters(model), "flops": flops(model, model.imgsz)}
    after = {"parameters": parameters(slim), "flops": flops(slim, model.imgsz)}
    entry = {
        "stage": "prune",
        "settings": {"percent": options.percent, "align": options.align, "fold": options.fold},
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
        f"{plan.table()}\n"
        f"removed {plan.removed_share():.1%} of the channels, alignment {options.align}\n"
        f"parameters {before['parameters'] / 1e6:.3f} M -> {after['parameters'] / 1e6:.3f} M, "
        f"FLOPs {before['flops'] / 1e9:.3f} G -> {after['flops'] / 1e9:.3f} G at {model.imgsz} px\n"
        f"masked and pruned model agree within {difference:.1e} of the output's scale\n"
        f"{out}\n{plan_file}"
    )
    result = {"weights": str(out), "plan": str(plan_file), "before": before, "after": after}
    answer(options, {**result, "removed_share": plan.removed_share(), "masked_difference": difference}, summary)
