"""What `prune` can be told: how much goes, what a channel is judged by, and what stays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compress.channels.shortcuts import SHORTCUTS
from compress.cost.chips import DEFAULT_SOC
from compress.option import Settings, option
from compress.out_file import check_out_file
from compress.stages.model import Model, Weights
from deploy.errors import UsageError

DEFAULT_PERCENT = 0.5
SCORES = ("gamma", "l1", "l2", "group", "taylor")
RANKS = ("score", "saving")
_GOALS = {"group": "how much (one of them)", "exclusive": True}
_WHICH = {"group": "which"}


@dataclass(frozen=True, kw_only=True)
class ChoiceSettings(Settings):
    """Which channels go, and how. At most one goal may be given; without one it is `percent`, 0.5."""

    percent: float | None = option(
        None,
        kind=float,
        metavar="X",
        help=f"the share of channels to remove, 0 up to but not including 1 (default: {DEFAULT_PERCENT})",
        **_GOALS,
    )
    threshold: float | None = option(
        None, kind=float, metavar="X", help="remove the channels whose score is lower", **_GOALS
    )
    flops: str | None = option(
        None, metavar="F", help="FLOPs that may remain: a share (0.4, 40%) or an amount (2.1G)", **_GOALS
    )
    params: str | None = option(
        None, metavar="P", help="parameters that may remain: a share or an amount (1.5M)", **_GOALS
    )
    latency: float | None = option(
        None, kind=float, metavar="MS", help="estimated latency on --soc that may remain", **_GOALS
    )
    uniform: float | None = option(
        None, kind=float, metavar="X", help="every layer keeps this share: the half-width control", **_GOALS
    )
    soc: str = option(DEFAULT_SOC, help="the chip of --latency")
    calibrate: str | None = option(
        None, metavar="FILE", help="for --latency: a .json that cost --save wrote (default: uncalibrated)"
    )
    score: str = option(
        "gamma",
        choices=SCORES,
        help="what a channel is judged by: |gamma|, the norm of its filters (l1, l2) or of all that goes with it "
        "(group), or its effect on the loss (taylor, needs --data)",
        **_WHICH,
    )
    batches: int = option(16, low=1, high=100_000, help="batches of 8 for --score taylor", **_WHICH)
    align: int = option(
        8,
        low=1,
        high=64,
        help="every channel count is a multiple of this (32: a block of int8)",
        **_WHICH,
    )
    shortcuts: str = option(
        "group", choices=SHORTCUTS, help="channels that additions unite: prune them together, or keep them", **_WHICH
    )
    rank: str | None = option(
        None,
        choices=RANKS,
        help="blocks go by their score, or by their score for each unit of a cost that they save "
        "(default: saving with --flops, --params and --latency, which are costs, else score)",
        **_WHICH,
    )
    floor: float = option(
        0.0, low=0.0, high=1.0, metavar="X", help="the share of its channels that every layer keeps at least", **_WHICH
    )
    protect: tuple[str, ...] = option(
        (),
        many=True,
        metavar="PATTERN",
        help="keep the layers that match, such as 'model.0.*'; may be given several times",
        **_WHICH,
    )
    fold: bool = option(
        True,
        name="no-fold",
        help="drop what removed channels emit at gamma 0 instead of folding it into the layers behind",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.calibrate and Path(self.calibrate).suffix != ".json":
            raise UsageError(f"--calibrate is {self.calibrate}, expected a .json that cost --save wrote")
        if self.rank == "saving" and not self._costs:
            raise UsageError("--rank saving needs a goal that is a cost: --flops, --params or --latency")

    @property
    def by_saving(self) -> bool:
        """Do blocks go by what is lost for each unit of the cost that they save?"""
        return self._costs and self.rank != "score"

    @property
    def _costs(self) -> bool:
        return bool(self.flops or self.params or self.latency is not None)


@dataclass(frozen=True, kw_only=True)
class PruneSettings(ChoiceSettings):
    """Of `prune`. With `plan`, a plan file is applied as it is; `plan_only` chooses and removes nothing.

    `out` is the checkpoint to write (.safetensors), with its plan beside it, or with `plan_only` the plan (.json);
    without it nothing is written, which the command line does not allow.
    """

    weights: Weights = option(metavar="FILE", also=(Model,), help="a checkpoint, or a .pt of ultralytics")
    plan: str | None = option(None, metavar="FILE", help="apply this plan as it is", **_GOALS)
    cfg: str | None = option(
        None,
        metavar="FILE",
        help="bring the model to the widths of a slim YAML, as search --saved-cfg writes it; --score says which stay",
        **_GOALS,
    )
    data: str | None = option(
        None, metavar="FILE", help="data.yaml whose train images --score taylor and --reconstruct use", **_WHICH
    )
    reconstruct: bool = option(
        False,
        help="solve the convolutions behind removed channels anew, by least squares on 64 train images of --data",
    )
    eval: str | None = option(
        None, metavar="FILE", help="data.yaml on whose val split mAP is taken before, masked and pruned, untrained"
    )
    plan_only: bool = option(False, help="write the plan to --out, a .json, and prune nothing")
    out: str | None = option(None, required=True, metavar="FILE", help="checkpoint to write; its plan goes beside it")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out:
            self._check_out(Path(self.out))
        if self.score == "taylor" and not self.data and not self.plan:
            raise UsageError("--score taylor needs --data: it judges channels by the loss on training images")
        if self.reconstruct and not self.data:
            raise UsageError("--reconstruct needs --data: it solves for what layers see of training images")
        if self.reconstruct and self.plan_only:
            raise UsageError("--reconstruct and --plan-only exclude each other: a plan alone has no weights")
        if self.plan and self.plan_only:
            raise UsageError("--plan and --plan-only exclude each other: one applies a plan, the other writes one")

    def _check_out(self, out: Path) -> None:
        inputs = [
            self.weights if isinstance(self.weights, (str, Path)) else None,
            self.plan,
            self.cfg,
            self.data,
            self.eval,
        ]
        if not self.plan_only:
            check_out_file("--out", out, ".safetensors", inputs)
            return
        from compress.prune.plan import read_plan

        check_out_file("--out", out, ".json", [*inputs, self.calibrate], "plan", read_plan)
