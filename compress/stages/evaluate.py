"""evaluate: mAP of a bundle on a VOC devkit, through its own pipeline, as `run.sh eval` does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.option import Settings, option
from compress.stages.table import html_table
from compute_mAP.protocols import DEFAULT_PROTOCOL, PROTOCOL_HELP, PROTOCOLS
from deploy.run.target import NUMERICS

if TYPE_CHECKING:
    from compute_mAP.report import Report


@dataclass(frozen=True, kw_only=True)
class PipelineSettings(Settings):
    """What is run, and how; the options and their defaults are those of `run.sh`."""

    model: str | Path | None = option(
        None, kind=Path, metavar="BUNDLE", help="the bundle's folder (default: models/demo)"
    )
    pipeline: str | Path | None = option(
        None, kind=Path, metavar="FILE", help="run this pipeline instead of the bundle's own"
    )
    conf: float | None = option(None, kind=float, metavar="X", help="score and objectness threshold, 0..1")
    iou: float | None = option(None, kind=float, metavar="X", help="IoU threshold of NMS, 0..1")
    on: str | None = option(None, choices=("host", "acl", "board"), help="where it runs (default: host)")
    numerics: str | None = option(
        None, choices=NUMERICS, help="compute as the chip does, or in floats (default: board for eval, else float)"
    )
    raw: bool = option(False, help="run a post-processor in Python here, on raw tensors, and not in the stream")
    trust: bool = option(False, help="let Python code run that came with the bundle and is not this project's")
    write_outside: bool = option(
        False, help="let the pipeline's own sinks write outside the folder in which the stream runs"
    )


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(PipelineSettings):
    """Of `evaluate`. OUT/txt_result receives the detections."""

    devkit: str | Path = option(kind=Path, place=True, metavar="VOCDEVKIT", help="the devkit's folder")
    year: str | None = option(None, help="default: VOC2007, or the devkit's only year")
    image_set: str | None = option(None, metavar="NAME", help="default: test, or the devkit's only image set")
    protocol: str = option(DEFAULT_PROTOCOL, choices=PROTOCOLS, help=PROTOCOL_HELP)
    out: str | Path = option(Path(), kind=Path, metavar="DIR", help="where txt_result goes (default: here)")
    resume: bool = option(False, help="go on with a run that was interrupted or killed")


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
    done = run(target, devkit, settings.year, settings.image_set, settings.protocol, out, settings.resume)
    return EvaluateResult(done.report, done.out)
