"""prune: choose channels, cut them out, prove the cut, and fold what the removed channels emitted."""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.stages.inference import validated_with
from compress.stages.model import Model, open_model
from compress.stages.prune_settings import PruneSettings
from compress.stages.table import html_table
from deploy.errors import ModelError, UsageError
from deploy.hashes import file_sha256
from deploy.whole_file import write_together

if TYPE_CHECKING:
    import torch

    from compress.channels.flow import ChannelFlow
    from compress.prune.plan import Plan

Scores = dict[str, dict[str, float]]


RECONSTRUCTION_IMAGES = 64
PLAN_SHA256 = "plan_sha256"
"""In the history's entry: the plan that was written beside the checkpoint."""


@dataclass(frozen=True)
class PruneResult:
    """A pruned model, its plan, and what both models cost.

    Attributes:
        plan: what is kept and removed, group by group.
        model: the pruned model, in eval mode; None with `plan_only`.
        before, after: "parameters" (values) and "flops" (floating-point operations an image at model.imgsz).
        masked_difference: the largest difference between the outputs of the pruned model and of the one whose removed
            channels are set to zero, relative to the outputs' largest value; at most 1e-9.
        scores: with `eval`, "map50" and "map50_95" (0..1) on its val split of the model "before", "masked" (removed
            channels set to zero) and "pruned" (with what they emitted folded), none of them trained since.
        warning: what to expect where gammas are not sparse, or "".
        out, plan_file: the files written, or None.
    """

    plan: Plan
    model: Model | None = None
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    masked_difference: float | None = None
    scores: Scores = field(default_factory=dict)
    warning: str = ""
    out: Path | None = None
    plan_file: Path | None = None

    @property
    def removed_share(self) -> float:
        """The share of removable channels that is removed, 0..1."""
        return self.plan.removed_share()

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.out:
            found["weights"] = str(self.out)
        if self.plan_file:
            found["plan"] = str(self.plan_file)
        if self.model:
            found.update(before=self.before, after=self.after)
        found["removed_share"] = self.removed_share
        if self.masked_difference is not None:
            found["masked_difference"] = self.masked_difference
        if self.scores:
            found["scores"] = self.scores
        if self.warning:
            found["warning"] = self.warning
        return found

    def _repr_html_(self) -> str:
        rows = [
            (key, self.before[key], self.after[key], f"{1 - self.after[key] / self.before[key]:.1%}")
            for key in self.before
        ]
        return html_table(("", "before", "after", "saved"), [*rows, ("channels", "", "", f"{self.removed_share:.1%}")])


def prune(settings: PruneSettings) -> PruneResult:
    """Remove channels as the settings say.

    The cut model is proved to compute what the masked one does before anything is written, and what removed channels
    still emitted is then folded into the layers behind them (docs/adr/0007). The given model stays as it is.

    Raises UsageError for a goal that cannot be reached, ModelError for weights or a plan that are none or do not fit,
    and for a cut that fails the proof.
    """
    from compress.stages.plan_choice import flow_of, plan_of

    if settings.out and not settings.plan_only:
        check_plan_beside(Path(settings.out), settings)
    given = open_model(settings.weights)
    flow = flow_of(given.detector, settings)
    plan = plan_of(given.detector, flow, settings)
    warning = _warning(given, flow, plan)
    if settings.plan_only:
        return replace(_only_plan(plan, settings.out), warning=warning)
    judge = _judge(given, settings)
    done = _cut(given, flow, plan, settings)
    return replace(done, scores=judge(flow, done) if judge else {}, warning=warning)


def _warning(given: Model, flow: ChannelFlow, plan: Plan) -> str:
    from compress.prune.scores import gamma_scores
    from compress.prune.sparse_enough import sparsity_warning

    by_gamma = plan.score == "gamma" and "uniform" not in plan.goal
    return sparsity_warning(gamma_scores(given.detector, flow), plan) if by_gamma else ""


def _judge(given: Model, settings: PruneSettings) -> Callable[[ChannelFlow, PruneResult], Scores] | None:
    """Scores the models on the val split of `eval`; what is wrong with the data set is said before the long work."""
    if not settings.eval:
        return None
    from compress.data.data_yaml import load_data_yaml
    from compress.data.same_classes import check_same_classes
    from compress.prune import surgery
    from compress.val.validate import Validator

    data = load_data_yaml(settings.eval)
    check_same_classes(data, given.names)
    validator = Validator(data, "val", given.imgsz, validated_with(given.history))

    def judge(flow: ChannelFlow, done: PruneResult) -> Scores:
        assert done.model
        masked = surgery.mask(given.detector, flow, done.plan).float()
        models = {"before": given.detector, "masked": masked, "pruned": done.model.detector}
        found = {name: validator(copy.deepcopy(model)) for name, model in models.items()}
        return {name: {key: row[key] for key in ("map50", "map50_95")} for name, row in found.items()}

    return judge


def place_of(given: Model, out: str | Path | None) -> dict[str, str]:
    """Where the unpruned model lies, seen from the pruned one: fine-tuning may learn from it."""
    if not given.source or not out:
        return {}
    try:
        return {"weights": Path(os.path.relpath(given.source, Path(out).parent)).as_posix()}
    except ValueError:  # on another drive of Windows
        return {}


def check_plan_beside(out: Path, settings: PruneSettings) -> None:
    """Raises UsageError where a plan beside `out` is not the one that prune wrote with it: somebody's work is in it."""
    from compress.nets.checkpoint import read_header

    plan_file = out.with_suffix(".plan.json")
    if not plan_file.is_file() or _is_given(plan_file, settings):
        return
    try:
        written = read_header(out)["history"][-1].get(PLAN_SHA256)
        # Older versions noted nothing, and wrote the plan first.
        ours = written is None and plan_file.stat().st_mtime <= out.stat().st_mtime
        ours = ours or file_sha256(plan_file) == written
    except (ModelError, LookupError, AttributeError, TypeError):
        ours = _is_as_written(plan_file)  # no checkpoint is there to tell
    if not ours:
        raise UsageError(
            f"{plan_file}: would be replaced, but is not the plan that prune wrote with {out.name}; move it, "
            "apply it with --plan, or give another --out"
        )


def _is_as_written(plan_file: Path) -> bool:
    """Whether a plan has the very form that prune gives it."""
    from compress.prune.plan import read_plan

    try:
        return read_plan(plan_file).to_bytes() == plan_file.read_bytes()
    except (ModelError, OSError):
        return False


def _is_given(plan_file: Path, settings: PruneSettings) -> bool:
    """Whether it is the very plan that is to be applied, which stays as it is."""
    return settings.plan is not None and plan_file.is_file() and plan_file.samefile(settings.plan)


def _only_plan(plan: Plan, out: str | None) -> PruneResult:
    if not out:
        return PruneResult(plan)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    plan.save(out)
    return PruneResult(plan, plan_file=Path(out))


def _images(given: Model, settings: PruneSettings) -> list[torch.Tensor]:
    """The training images of the reconstruction, the same at each call."""
    import random

    from compress.data.data_yaml import load_data_yaml
    from compress.data.same_classes import check_same_classes
    from compress.data.training_images import readable
    from compress.val.training_batches import training_batches

    assert settings.data, "the settings have refused this"
    data = load_data_yaml(settings.data)
    check_same_classes(data, given.names)
    images = [image for image, _, _ in readable(data.images("train"))[0]]
    drawn = random.Random(0).sample(images, min(RECONSTRUCTION_IMAGES, len(images)))
    return training_batches(drawn, given.imgsz, validated_with(given.history))


def _cut(given: Model, flow: ChannelFlow, plan: Plan, settings: PruneSettings) -> PruneResult:
    from compress.nets.checkpoint import checkpoint_bytes
    from compress.nets.size import flops, parameters
    from compress.prune import surgery
    from compress.prune.fold import fold_constants
    from compress.prune.reconstruct import reconstruct

    dense = given.detector
    slim, difference = surgery.prune(dense, flow, plan)
    if settings.fold:
        slim = surgery.cut(fold_constants(dense, flow, plan), flow, plan)
    if settings.reconstruct:
        slim = reconstruct(dense, slim, flow, plan, _images(given, settings))
    before = {"parameters": parameters(dense), "flops": flops(dense, dense.imgsz)}
    after = {"parameters": parameters(slim), "flops": flops(slim, dense.imgsz)}
    entry = {
        "stage": "prune",
        "settings": {
            **plan.goal,
            "align": plan.align,
            "score": plan.score,
            "shortcuts": plan.shortcuts,
            "protect": plan.protect,
            "rank": "saving" if settings.by_saving else "score",
            "floor": settings.floor,
            "fold": settings.fold,
            "reconstruct": settings.reconstruct,
        },
        "sha256": given.sha256,
        **place_of(given, settings.out),
        "removed_share": round(plan.removed_share(), 4),
        "masked_difference": difference,
        **after,
    }
    pruned = Model(slim, [*given.history, entry])
    if not settings.out:
        return PruneResult(plan, pruned, before, after, difference)
    out = Path(settings.out)
    plan_file = out.with_suffix(".plan.json")
    own = _is_given(plan_file, settings)
    content = plan_file.read_bytes() if own else plan.to_bytes()
    entry[PLAN_SHA256] = hashlib.sha256(content).hexdigest()
    check_plan_beside(out, settings)  # looked at again: minutes may have passed
    both = [(out, checkpoint_bytes(slim, pruned.history)), *([] if own else [(plan_file, content)])]
    write_together(both)
    return PruneResult(plan, pruned, before, after, difference, out=out, plan_file=plan_file)
