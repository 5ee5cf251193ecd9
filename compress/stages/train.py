"""train, sparsify and finetune: one loop (compress/train), three stages."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.option import again, option
from compress.stages.model import Model, Weights, open_model
from compress.stages.table import html_table
from compress.train.settings import TrainSettings
from deploy.errors import UsageError

if TYPE_CHECKING:
    from compress.data.data_yaml import DataSet
    from compress.train.loop import TrainResult

PLANNED_SHARE = 0.95
"""Of the gammas that a plan removes: the share that a steered run brings near zero. The last ones take their time."""
_WEIGHTS = "a checkpoint, or a .pt of ultralytics"


@dataclass(frozen=True, kw_only=True)
class DenseSettings(TrainSettings):
    """Of `train`: from random weights of an architecture, or from weights whose head may start anew.

    The run's folder is project/name; `resume` goes on with the unfinished run there.
    """

    weights: Weights | None = option(
        None, metavar="FILE", also=(Model,), help=f"{_WEIGHTS} (default: start from random weights)"
    )
    cfg: str | None = option(
        None,
        metavar="NAME",
        help="architecture where no weights are given: yolov5n, yolov8n, yolo11n, yolov5nu, ... or a YAML",
    )
    backbone: str | None = option(
        None,
        metavar="FILE",
        help="a ConvNeXt classifier's weights, by torchvision's or timm's names, for the backbone of such a --cfg",
    )
    project: str = option("runs", metavar="DIR", help="where run folders go")
    name: str = option("train", help="the run's folder")
    resume: bool = option(False, help="go on with the unfinished run of that name")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backbone and self.weights:
            raise UsageError("--backbone and --weights exclude each other: weights have a backbone already")


def _rate(text: str) -> float | str:
    try:
        return text if text == "auto" else float(text)
    except ValueError:
        raise UsageError(f"'{text}' is no sparsity rate, expected a number or auto") from None


@dataclass(frozen=True, kw_only=True)
class SparsitySettings(TrainSettings):
    """What a sparse run takes on top of what every training takes."""

    sr: float | str = option(  # type: ignore[assignment]
        "auto", kind=_rate, help="sparsity rate, or auto to have it steered by the steps there are"
    )
    target_share: float = option(
        0.5,
        metavar="X",
        help="with --sr auto: the share of gammas to bring near zero; the run ends when they are apart from the others",
    )
    sparsity: str = again(TrainSettings, "sparsity", help="how the penalty acts on a gamma")
    shortcuts: str = again(
        TrainSettings,
        "shortcuts",
        help="gammas of channels that additions unite: penalise them, or leave them alone where prune will keep them",
    )
    protect: tuple[str, ...] = again(
        TrainSettings,
        "protect",
        metavar="PATTERN",
        help="do not penalise the layers that match, where prune --protect will keep them; may be given several times",
    )
    warmup_epochs: float = 1.0
    warmup_steps: int = 0
    warmup_bias_lr: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.plan and self.protect:
            raise UsageError("--plan and --protect exclude each other: the plan says which layers are kept")
        if self.sr == "auto" and not 0.05 <= self.target_share <= 0.95:
            raise UsageError(f"--target-share is {self.target_share}, expected 0.05 to 0.95")
        loop_settings(self)  # the loop's own ranges


@dataclass(frozen=True, kw_only=True)
class DistillSettings(TrainSettings):
    """What a training takes that can learn from a teacher."""

    teacher: Weights | None = option(
        None,
        metavar="FILE",
        also=(Model,),
        group="a teacher",
        help="learn the outputs of this model too; 'unpruned' is the model that --weights was pruned from",
    )
    distill_outputs: float = again(
        TrainSettings, "distill_outputs", metavar="X", group="a teacher", help="weight of the teacher's outputs"
    )
    distill_features: float = again(
        TrainSettings,
        "distill_features",
        metavar="X",
        group="a teacher",
        help="weight of the features that its head takes",
    )


@dataclass(frozen=True, kw_only=True)
class SparsifySettings(SparsitySettings, DistillSettings, DenseSettings):
    """Of `sparsify`: training with a penalty on the batch-norm gammas."""

    name: str = again(DenseSettings, "name", default="sparsify")
    map_drop: float = again(
        TrainSettings,
        "map_drop",
        default=2.0,
        metavar="POINTS",
        help="with --sr auto: mAP@0.5:0.95 on val that the penalty may cost, in points; 0 for any",
    )
    plan: str | None = again(
        TrainSettings,
        "plan",
        metavar="FILE",
        help="penalise those gammas alone whose channels this plan removes; prune --plan-only writes it, prune --plan "
        "cuts it",
    )


@dataclass(frozen=True, kw_only=True)
class FinetuneSettings(DistillSettings, DenseSettings):
    """Of `finetune`: training a pruned detector until it has recovered.

    It starts gently, because what is left of the model is worth keeping (docs/adr/0029).
    """

    warmup_epochs: float = 1.0
    warmup_steps: int = 0
    warmup_bias_lr: float = 0.0

    weights: Weights | None = again(DenseSettings, "weights", help=f"{_WEIGHTS} (required)")
    name: str = again(DenseSettings, "name", default="finetune")


@dataclass(frozen=True)
class TrainingResult:
    """What a training left behind.

    Attributes:
        best, last: the checkpoints of the best and of the last epoch.
        epoch: the best epoch, counted from 1.
        metrics: its validation: map50, map75, map50_95, f1 (0..1), f1_confidence, and ap50 by class name. Of several
            processes one alone has them.
        stopped: why the run ended before its last epoch, or "".
    """

    best: Path
    last: Path
    epoch: int
    metrics: dict[str, Any]
    stopped: str = ""

    @property
    def model(self) -> Model:
        """The best epoch's model; read from its checkpoint at each call."""
        return open_model(self.best)

    def to_json(self) -> dict[str, Any]:
        return {"best": str(self.best), "last": str(self.last), "stopped": self.stopped, **self.metrics}

    def _repr_html_(self) -> str:
        names = {"map50": "mAP@0.5", "map50_95": "mAP@0.5:0.95", "f1": "F1"}
        shown = {"best epoch": self.epoch, **{names[key]: self.metrics[key] for key in names if key in self.metrics}}
        return html_table([*shown, "checkpoint"], [[*shown.values(), self.best]])


Say = Callable[[str], None]
"""Takes a sentence for the user while a stage runs."""


def train(settings: DenseSettings, say: Say = lambda _: None) -> TrainingResult:
    """Train a dense detector; the head starts anew where the weights are of other classes.

    Raises UsageError without weights and cfg, DataError for a faulty data set, ModelError for faulty weights, and
    ReportedError when the loss becomes NaN.
    """
    return _run(settings, "train", say)


def sparsify(settings: SparsifySettings, say: Say = lambda _: None) -> TrainingResult:
    """Train with a sparsity penalty on the batch-norm gammas that pruning can remove. Raises as `train` does."""
    return _run(settings, "sparsify", say)


def finetune(settings: FinetuneSettings, say: Say = lambda _: None) -> TrainingResult:
    """Train a pruned detector until it has recovered. Raises as `train` does, and UsageError without weights."""
    return _run(settings, "finetune", say)


def loop_settings(settings: TrainSettings) -> TrainSettings:
    """What the loop is told; a steered sparsity rate is a target share with the rate 0."""
    plain = {entry.name: getattr(settings, entry.name) for entry in fields(TrainSettings)}
    if isinstance(settings, SparsitySettings):
        steered = settings.sr == "auto"
        plain["sr"] = 0.0 if steered else settings.sr
        share = PLANNED_SHARE if settings.plan else settings.target_share
        plain["target_share"] = share if steered else 0.0
        plain["map_drop"] = settings.map_drop if steered else 0.0
    return TrainSettings(**plain)


def _run(settings: DenseSettings, stage: str, say: Say) -> TrainingResult:
    import torch

    from compress.prune.plan import read_plan
    from compress.stages.teacher import teacher_of
    from compress.train import loop
    from compress.train.run_folder import RunFolder
    from deploy.hashes import file_sha256

    torch.manual_seed(settings.seed)  # for layers that start from random weights
    given = open_model(settings.weights) if settings.weights else None
    model = _start(settings, stage, given, say)
    run = RunFolder(settings.project, settings.name, settings.resume)
    cfg = settings.cfg or ""
    run.inputs["weights"] = given.sha256 if given else file_sha256(cfg) if Path(cfg).is_file() else cfg
    if settings.backbone:
        run.inputs["backbone"] = file_sha256(settings.backbone)
    teacher = teacher_of(settings, given) if isinstance(settings, DistillSettings) else None
    if teacher:
        run.inputs["teacher"] = teacher.sha256
    if isinstance(settings, SparsitySettings) and settings.plan:
        run.inputs["plan"] = hashlib.sha256(read_plan(settings.plan).to_bytes()).hexdigest()
    done: TrainResult = loop.train(
        model.detector, model.history, loop_settings(settings), run, stage, teacher.detector if teacher else None
    )
    return TrainingResult(done.best, done.last, done.epoch, done.metrics, done.stopped)


def _start(settings: DenseSettings, stage: str, given: Model | None, say: Say) -> Model:
    """The model to train, which the training may change."""
    from compress.data.data_yaml import load_data_yaml
    from compress.nets.convnext.weights import load_backbone
    from compress.nets.family import architecture, build, slim_factors
    from deploy.hashes import file_sha256

    data = load_data_yaml(settings.data)
    names = data.names
    if given:
        if stage == "train" and given.names != names:
            say(f"the head starts anew for the {len(names)} classes of {settings.data}")
            return Model(given.detector.with_classes(names), given.history)
        return Model(copy.deepcopy(given.detector), given.history)
    if stage == "finetune":
        raise UsageError("--weights is missing: finetune needs the checkpoint of the stage before")
    if not settings.cfg:
        raise UsageError("neither --weights nor --cfg is given: expected a checkpoint or an architecture to start from")
    arch = architecture(settings.cfg, len(names))
    factors = slim_factors(settings.cfg)
    if isinstance(arch.get("anchors"), int):
        arch = _with_anchors(arch, data, settings.imgsz)
        say(f"anchors by k-means: {'; '.join(','.join(f'{side:g}' for side in row) for row in arch['anchors'])}")
    built = build(arch, names, settings.imgsz)
    history: list[dict[str, Any]] = []
    if settings.backbone:
        load_backbone(built, settings.backbone)
        file = Path(settings.backbone)
        history = [{"stage": "import", "file": file.name, "sha256": file_sha256(file)}]
    if factors:
        from compress.prune.slim_widths import narrowed

        built = narrowed(built, factors, settings.cfg)
    return Model(built, history)


def _with_anchors(arch: dict[str, Any], data: DataSet, imgsz: int) -> dict[str, Any]:
    """The architecture, which has the number of its anchors alone, with those that fit the boxes of the train split."""
    from compress.data.anchors import box_sizes, new_anchors
    from compress.nets.anchor_files import as_rows
    from compress.nets.yolov5 import scales_of

    scales = scales_of(arch)
    found = new_anchors(box_sizes(data.images("train"), len(data.names), imgsz), scales * arch["anchors"])
    return {**arch, "anchors": as_rows(found.round(1), scales)}
