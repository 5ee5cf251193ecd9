"""What `search` can be told: what may remain, how candidates are drawn and scored, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compress.cost.chips import DEFAULT_SOC
from compress.option import again, option
from compress.out_file import check_out_file
from compress.stages.inference import InferenceSettings
from compress.stages.prune_settings import ChoiceSettings, PruneSettings
from compress.train.settings import TrainSettings
from deploy.cluster import check_address
from deploy.errors import UsageError

STRATEGIES = ("random", "evolution")
BUDGETS = ("flops", "params", "latency")
_WHICH = {"group": "candidates"}
_HOW = {"group": "scoring"}


@dataclass(frozen=True, kw_only=True)
class SearchSettings(InferenceSettings):
    """Of `search`. The folder project/name receives the journal, the winner and the chart."""

    head: None = None  # candidates are scored with the head that the model is trained with
    data: str = again(TrainSettings, "data")
    remain_ratio: float = option(
        0.5, low=0.001, high=1.0, metavar="X", help="the share of --budget that is to remain, above 0 and up to 1"
    )
    delta: float = option(0.02, low=0.0, high=0.5, metavar="X", help="how far a candidate may be from --remain-ratio")
    budget: str = option("flops", choices=BUDGETS, help="what is to remain: operations, parameters, latency on --soc")
    soc: str = again(ChoiceSettings, "soc", help="the chip of --budget latency", default=DEFAULT_SOC)
    calibrate: str | None = again(
        ChoiceSettings,
        "calibrate",
        help="for --budget latency: a .json that cost --save wrote (default: uncalibrated)",
    )
    candidates: int = option(100, low=1, high=1_000_000, help="how many are scored in all", **_WHICH)
    strategy: str = option(
        "random", choices=STRATEGIES, help="draw at random, or breed from those that score best", **_WHICH
    )
    seed: int = again(TrainSettings, "seed", help="the same seed draws the same candidates", **_WHICH)
    align: int = again(ChoiceSettings, "align", **_WHICH)
    floor: float = again(ChoiceSettings, "floor", default=0.25, **_WHICH)
    score: str = again(ChoiceSettings, "score", help="which channels a layer keeps: see prune --score", **_WHICH)
    batches: int = again(ChoiceSettings, "batches", **_WHICH)
    shortcuts: str = again(ChoiceSettings, "shortcuts", **_WHICH)
    protect: tuple[str, ...] = again(ChoiceSettings, "protect", **_WHICH)
    bn_batches: int = option(
        8,
        low=1,
        high=10_000,
        help="batches of 16 training images that batch-norm statistics are averaged over, anew for each candidate",
        **_HOW,
    )
    held_out: int = option(
        128,
        low=1,
        high=100_000,
        help="training images, none of those batches', on which candidates are scored; at most half of the split",
        **_HOW,
    )
    reconstruct: bool = again(
        PruneSettings, "reconstruct", help="solve the winner's convolutions anew by least squares on --bn-batches"
    )
    workers: int | None = option(
        None, kind=int, low=1, high=256, metavar="N", help="processes that score candidates (default: 1)", **_HOW
    )
    ray: str | None = option(
        None,
        metavar="ADDRESS",
        help="score on the Ray cluster at HOST:PORT, --workers candidates at a time (default: its GPUs, or its cores)",
        **_HOW,
    )
    saved_cfg: str | None = option(
        None,
        metavar="FILE",
        help="write the winner's widths as a slim YAML, for train --cfg and prune --cfg; layers that such a file has "
        "no factor for then stay whole",
    )
    project: str = option("runs", metavar="DIR", help="where the folder goes")
    name: str = option("search", help="the search's folder")
    resume: bool = option(False, help="go on with the search of that name; --candidates may be another number then")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.calibrate and Path(self.calibrate).suffix != ".json":
            raise UsageError(f"--calibrate is {self.calibrate}, expected a .json that cost --save wrote")
        if self.ray is not None:
            check_address(self.ray)
        if self.saved_cfg:
            self._check_saved_cfg(self.saved_cfg)
        if self.calibrate and self.budget != "latency":
            raise UsageError("--calibrate is for --budget latency")

    def _check_saved_cfg(self, file: str) -> None:
        from compress.nets.slim_yaml import read_slim_yaml

        weights = self.weights if isinstance(self.weights, (str, Path)) else None
        check_out_file(
            "--saved-cfg", Path(file), ".yaml", [weights, self.data, self.calibrate], "slim YAML", read_slim_yaml
        )
        if self.align % 8:
            raise UsageError(
                f"--align is {self.align}, expected a multiple of 8: readers of a slim YAML round widths up to 8"
            )
