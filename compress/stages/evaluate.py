"""evaluate: mAP of a bundle on a VOC devkit, through its own pipeline, as `run.sh eval` does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.option import Settings, option
from compress.stages.table import html_table
from deploy.run.options import EVAL, HOW, IMAGES

if TYPE_CHECKING:
    from compute_mAP.report import Report


def as_run(name: str, **changed: Any) -> Any:
    """The option of `run.sh detect|speed|eval` as a field of settings."""
    given = {**HOW, **EVAL, **IMAGES}[name]
    about = {
        "kind": given.kind,
        "metavar": given.metavar,
        "help": given.help,
        "choices": given.choices or (),
        **changed,
    }
    return option(**about) if changed.get("required") else option(given.default, **about)


@dataclass(frozen=True, kw_only=True)
class PipelineSettings(Settings):
    """What is run, and how; the options and their defaults are those of `run.sh`."""

    model: str | Path | None = as_run("model")
    pipeline: str | Path | None = as_run("pipeline")
    conf: float | None = as_run("conf")
    iou: float | None = as_run("iou")
    on: str | None = as_run("on", help="where it runs (default: host)")
    numerics: str | None = as_run("numerics")
    raw: bool = as_run("raw")
    trust: bool = as_run("trust")
    write_outside: bool = as_run("write_outside")


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(PipelineSettings):
    """Of `evaluate`. OUT/txt_result receives the detections."""

    devkit: str | Path = as_run("devkit", place=True, required=True)
    year: str | None = as_run("year")
    image_set: str | None = as_run("image_set")
    protocol: str = as_run("protocol")
    out: str | Path = as_run("out")
    resume: bool = as_run("resume")
    ray: str | None = as_run("ray")


@dataclass(frozen=True)
class EvaluateResult:
    """Scores of a bundle; `txt_result` is the folder with its detections, one file a class."""

    report: Report
    txt_result: Path

    @property
    def map50(self) -> float:
        """mAP at IoU 0.5, 0..1."""
        return self.report.map50

    @property
    def map50_95(self) -> float:
        """The mean of the mAPs at IoU 0.5, 0.55, ... 0.95, 0..1."""
        return self.report.map50_95

    @property
    def ap50(self) -> dict[str, float | None]:
        """AP at IoU 0.5 by class, 0..1; None where the image set has no object of it."""
        return self.report.ap50

    def to_json(self) -> dict[str, Any]:
        return self.report.to_json()

    def _repr_html_(self) -> str:
        rows = [("mAP@0.5", self.map50), ("mAP@0.5:0.95", self.map50_95), ("images", self.report.images)]
        return html_table(("", self.report.protocol), [*rows, *self.ap50.items()])


def evaluate(settings: EvaluateSettings) -> EvaluateResult:
    """Run the devkit's images through the bundle's eval.pipeline, on the host engine unless told otherwise.

    Raises ModelError for a faulty bundle, DataError for a faulty devkit or where all images fail, UsageError for a
    folder that cannot be written, and EnvironmentFault for a missing package.
    """
    from deploy.run.evaluate import evaluate as run
    from deploy.run.target import Target

    target = Target(
        Path(settings.model) if settings.model else None,
        Path(settings.pipeline) if settings.pipeline else None,
        conf=settings.conf,
        iou=settings.iou,
        on=settings.on or "host",
        numerics=settings.numerics,
        raw=settings.raw,
        trust=settings.trust,
        write_outside=settings.write_outside,
    )
    devkit, out = Path(settings.devkit), Path(settings.out)
    done = run(target, devkit, settings.year, settings.image_set, settings.protocol, out, settings.resume, settings.ray)
    return EvaluateResult(done.report, done.out)
