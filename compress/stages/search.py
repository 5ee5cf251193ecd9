"""search: draw width configurations that meet a budget, score each without training, keep the best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import compress
import compute_mAP
import deploy
from compress.stages.inference import input_side, validated_with
from compress.stages.model import Model, open_model
from compress.stages.prune import place_of
from compress.stages.prune_settings import PruneSettings
from compress.stages.search_settings import SearchSettings
from compress.stages.table import html_table
from deploy.cluster import cluster

if TYPE_CHECKING:
    from compress.channels.flow import ChannelFlow
    from compress.nets.detector import Detector
    from compress.prune.budget import Cost
    from compress.prune.plan import Plan
    from compress.prune.scores import Scores
    from compress.search.folder import SearchFolder
    from compress.search.journal import Entry, Journal
    from compress.search.scorer import Scored, Scorer
    from compress.search.space import Space
    from compress.search.workers import Workers

Say = Callable[[str], None]


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        plan: the winner's, group by group.
        model: the winner, cut, with the batch-norm statistics that it was scored with; to be fine-tuned.
        best, plan_file, journal, chart: the files written; `saved_cfg` the slim YAML, where one was asked for.
        number: the winner's number among the candidates, counted from 0.
        map50, map50_95: its scores on the held-out training images, 0..1, not trained since.
        baseline: mAP@0.5 of the model as it was, on the same images; `full` with recalibrated statistics.
        share: what the winner costs, as a share of the full-width model's.
        candidates: how many were scored.
        before, after: "parameters" (values) and "flops" (floating-point operations an image at model.imgsz).
    """

    plan: Plan
    model: Model
    best: Path
    plan_file: Path
    journal: Path
    chart: Path
    saved_cfg: Path | None
    number: int
    map50: float
    map50_95: float
    baseline: float
    full: float
    share: float
    candidates: int
    before: dict[str, int]
    after: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        numbers = ("number", "map50", "map50_95", "baseline", "full", "share", "candidates", "before", "after")
        files = {"weights": self.best, "plan": self.plan_file, "journal": self.journal, "chart": self.chart}
        if self.saved_cfg:
            files["cfg"] = self.saved_cfg
        return {**{key: str(file) for key, file in files.items()}, **{key: getattr(self, key) for key in numbers}}

    def _repr_html_(self) -> str:
        rows = [
            ("mAP@0.5 as it was, on held-out training images", self.baseline),
            (f"of candidate {self.number} of {self.candidates}, untrained", self.map50),
            ("share of the budget", self.share),
            *((key, f"{self.before[key]} -> {self.after[key]}") for key in self.before),
        ]
        return html_table(("", ""), rows)


def search(settings: SearchSettings, say: Say = lambda _: None) -> SearchResult:
    """Score candidates as the settings say and write the best one: its checkpoint, its plan, and a chart of all.

    The folder is project/name. Raises UsageError for a budget that cannot be reached, naming what can, DataError for a
    faulty data set or journal, ModelError for faulty weights, and ReportedError where the full-width candidate does not
    reproduce the model's own score.
    """
    from compress.data.content import content_hash
    from compress.data.data_yaml import load_data_yaml
    from compress.data.same_classes import check_same_classes
    from compress.search.folder import SearchFolder
    from compress.search.journal import Journal
    from compress.search.run import search as run
    from compress.search.run import self_check
    from compress.search.space import Band, Space
    from compress.search.strategies import Candidates
    from compress.stages.plan_choice import scores_of

    data = load_data_yaml(settings.data)
    given = open_model(settings.weights)
    check_same_classes(data, given.names)
    folder = SearchFolder(settings.project, settings.name, settings.resume)
    detector = given.detector.eval()
    imgsz = input_side(detector, settings.imgsz)
    letterbox = settings.letterbox or validated_with(given.history)
    choice = _choice(settings, given)
    flow = _searched_flow(detector, choice, settings)
    order = scores_of(detector, flow, choice)
    band = Band(settings.remain_ratio, settings.delta)
    space = Space(flow, _cost(given, flow, order, imgsz, settings), band, settings.align, settings.floor)
    head = {
        "weights": given.sha256,
        "data": content_hash(data, ("train",)),
        "imgsz": imgsz,
        "letterbox": letterbox,
        **{key: getattr(settings, key) for key in _MAKES},
        "protect": list(settings.protect),
        **({"layers": "of a slim YAML"} if settings.saved_cfg else {}),
    }
    with cluster(settings.ray, (compress, deploy, compute_mAP)) as ray, folder.alone():
        scorer = _scorer(given, flow, order, data, imgsz, letterbox, settings, say)
        journal = Journal(folder.journal, head, settings.resume)
        baseline, full = self_check(scorer, space.full)
        say(f"mAP@0.5 on {len(scorer.held_out.images)} held-out training images: {baseline.map50:.3f} as it is, "
            f"{full.map50:.3f} at full width with statistics from {len(scorer.batches)} batches")  # fmt: skip
        winner = run(
            space,
            Candidates(space, settings.strategy, settings.seed),
            settings.candidates,
            _workers(scorer, settings, ray),
            journal,
            lambda entry: folder.keep(_plan(flow, order, entry, space, settings)),
        )
        if not winner.map50:
            say("warning: every candidate has mAP@0.5 0, so none is better; try a higher --remain-ratio")
        return _written(given, flow, order, winner, space, settings, folder, journal, scorer, baseline, full)


_MAKES = (
    *("remain_ratio", "delta", "budget", "soc", "strategy", "seed", "align", "floor", "score", "batches", "shortcuts"),
    *("bn_batches", "held_out"),
)
"""The settings that candidates and their scores depend on."""


def _choice(settings: SearchSettings, given: Model) -> PruneSettings:
    return PruneSettings(
        weights=given,
        data=settings.data,
        score=settings.score,
        batches=settings.batches,
        align=settings.align,
        shortcuts=settings.shortcuts,
        protect=tuple(settings.protect),
    )


def _searched_flow(detector: Detector, choice: PruneSettings, settings: SearchSettings) -> ChannelFlow:
    """The channels that candidates differ in."""
    from compress.channels.protect import keep_all_but
    from compress.nets.slim_yaml import slim_layers
    from compress.stages.plan_choice import flow_of

    flow = flow_of(detector, choice)
    if not settings.saved_cfg:
        return flow
    return keep_all_but(flow, slim_layers(detector), "a slim YAML has no factor for it")


def _cost(given: Model, flow: ChannelFlow, order: Scores, imgsz: int, settings: SearchSettings) -> Cost:
    from compress.cost.calibrate import calibrate
    from compress.cost.chips import find_chip
    from compress.cost.layer_latency import layer_latency_cost
    from compress.prune.budget import flops_cost, params_cost

    if settings.budget == "flops":
        return flops_cost(given.detector, flow, imgsz)
    if settings.budget == "params":
        return params_cost(given.detector, flow)
    chip = find_chip(settings.soc)
    calibration = calibrate(settings.calibrate, [], chip) if settings.calibrate else None
    return layer_latency_cost(given.detector, flow, imgsz, chip, calibration)


def _scorer(
    given: Model,
    flow: ChannelFlow,
    order: Scores,
    data: Any,
    imgsz: int,
    letterbox: str,
    settings: SearchSettings,
    say: Say,
) -> Scorer:
    import copy

    from compress.search.scorer import HeldOut, Scorer, split_train
    from compress.val.training_batches import training_batches

    held_out, rest = split_train(data, settings.held_out, settings.bn_batches)
    validator = HeldOut(data, held_out, imgsz, letterbox)
    for fault in validator.faults:
        say(f"warning: {fault}")
    batches = training_batches(rest, imgsz, letterbox)
    if len(batches) < settings.bn_batches:
        say(f"the train split has images for {len(batches)} batches beside those held out, not {settings.bn_batches}")
    return Scorer(copy.deepcopy(given.detector), flow, order, batches, validator).on_device()


def _workers(scorer: Scorer, settings: SearchSettings, ray: Any) -> Workers:
    from compress.search.workers import InProcess, Processes

    if ray:
        from compress.search.cluster import OnCluster

        return OnCluster(ray, scorer, settings.workers)
    count = settings.workers or 1
    return InProcess(scorer) if count == 1 else Processes(scorer, min(count, settings.candidates))


def _plan(flow: ChannelFlow, order: Scores, entry: Entry, space: Space, settings: SearchSettings) -> Plan:
    from dataclasses import replace

    from compress.prune.choose import with_widths
    from compress.prune.goal import Goal

    goal = Goal(settings.budget, space.band.high * space.whole_cost)  # type: ignore[arg-type]
    plan = with_widths(flow, order, entry.widths, goal, settings.align)
    groups = [
        replace(group, reason=f"{'narrowed' if group.removed else 'whole'} in candidate {entry.number} of the search")
        if group.score and space.least[group.name] < space.most[group.name]
        else group
        for group in plan.groups
    ]
    protect = list(settings.protect)
    return replace(plan, groups=groups, score=settings.score, shortcuts=settings.shortcuts, protect=protect)


def _written(
    given: Model,
    flow: ChannelFlow,
    order: Scores,
    winner: Entry,
    space: Space,
    settings: SearchSettings,
    folder: SearchFolder,
    journal: Journal,
    scorer: Scorer,
    baseline: Scored,
    full: Scored,
) -> SearchResult:
    """Cut the winner out, prove the cut, give it its statistics, and write what there is to write."""
    from compress.nets.checkpoint import checkpoint_bytes
    from compress.nets.size import flops, parameters
    from compress.nets.slim_yaml import slim_yaml
    from compress.prune import surgery
    from compress.prune.reconstruct import reconstruct
    from compress.report.candidate_chart import candidate_chart
    from deploy.whole_file import write_together

    dense, plan = given.detector, _plan(flow, order, winner, space, settings)
    slim, difference = surgery.prune(dense, flow, plan)
    if settings.reconstruct:
        slim = reconstruct(dense, slim, flow, plan, scorer.batches)
    device = next(scorer.model.parameters()).device
    scorer.recalibrate(slim.to(device))
    slim = slim.cpu().eval()
    before = {"parameters": parameters(dense), "flops": flops(dense, dense.imgsz)}
    after = {"parameters": parameters(slim), "flops": flops(slim, dense.imgsz)}
    assert winner.map50 is not None and winner.map50_95 is not None
    scores = {"map50": winner.map50, "map50_95": winner.map50_95, "baseline": baseline.map50, "full": full.map50}
    entry = {
        "stage": "search",
        "settings": {
            **{key: getattr(settings, key) for key in (*_MAKES, "reconstruct")},
            "protect": list(settings.protect),
        },
        "sha256": given.sha256,
        **place_of(given, folder.best),
        "candidates": len(journal.entries),
        "candidate": winner.number,
        "scores": scores,
        "removed_share": round(plan.removed_share(), 4),
        "masked_difference": difference,
        **after,
    }
    model = Model(slim, [*given.history, entry], folder.best)
    files = [(folder.best, checkpoint_bytes(slim, model.history)), (folder.plan, plan.to_bytes())]
    saved_cfg = Path(settings.saved_cfg) if settings.saved_cfg else None
    if saved_cfg:
        files.append((saved_cfg, slim_yaml(slim)))
    write_together(files)
    candidate_chart(journal.entries, settings.budget, (space.whole_cost, full.map50), folder.chart)
    return SearchResult(
        plan,
        model,
        folder.best,
        folder.plan,
        folder.journal,
        folder.chart,
        saved_cfg,
        winner.number,
        winner.map50,
        winner.map50_95,
        baseline.map50,
        full.map50,
        winner.share,
        len(journal.entries),
        before,
        after,
    )
