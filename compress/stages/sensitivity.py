"""sensitivity: what each layer of a bundle costs on int8, alone and together with the cheaper ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.option import option
from compress.stages.quantize import CalibrationSettings
from compress.stages.table import html_table
from deploy.errors import ReportedError

if TYPE_CHECKING:
    from compress.quantize.sensitivity import Cost

RANGES = ("minmax", "percentile", "entropy", "mse")


@dataclass(frozen=True, kw_only=True)
class SensitivitySettings(CalibrationSettings):
    """Of `sensitivity`."""

    method: str = option("mse", choices=RANGES, help="how ranges are chosen")
    judge: int = option(8, low=1, high=100_000, help="images that each layer is judged on")
    out: str | Path | None = option(
        None, kind=Path, metavar="DIR", help="write sensitivity.json and sensitivity.png here"
    )


@dataclass(frozen=True)
class SensitivityResult:
    """`costs`: the most sensitive layer first. `out`: the folder with the table and the chart, or None."""

    costs: list[Cost]
    out: Path | None = None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"layers": [cost.to_json() for cost in self.costs]}
        return {**found, "out": str(self.out)} if self.out else found

    def _repr_html_(self) -> str:
        rows = [(cost.layer, cost.alone.snr, cost.alone.cosine, cost.alone.lost) for cost in self.costs]
        return html_table(("layer", "SNR dB", "cosine", "lost"), rows)


def sensitivity(settings: SensitivitySettings, say: Callable[[str], None]) -> SensitivityResult:
    """Try every int8 layer alone, then one after another from the cheapest on. Nothing is written without `out`.

    Raises what `quantize` raises for bundles, images and options, and ReportedError where OUT cannot be written.
    """
    from compress.quantize.calibrate import calibrated
    from compress.quantize.sensitivity import layer_costs
    from compress.quantize.subject import open_subject
    from deploy.console import Progress

    subject = open_subject(settings, say)
    quantization = calibrated(
        subject.model, subject.layers, subject.images, settings.method, False, not settings.per_tensor
    )
    some = [subject.images[number] for number in range(min(settings.judge, len(subject.images)))]
    progress = Progress("layers tried:", 2 * len(quantization.whole))
    before, classes = subject.outputs[: len(some)], len(subject.bundle.names)
    costs = layer_costs(subject.model, quantization, some, before, classes, step=progress.step)
    progress.finish()
    return SensitivityResult(costs, _written(costs, settings) if settings.out else None)


def _written(costs: list[Cost], settings: SensitivitySettings) -> Path:
    from compress.report.sensitivity_chart import sensitivity_chart
    from deploy.whole_file import write_whole

    out = Path(str(settings.out))
    table = {"schema_version": 1, "method": settings.method, "layers": [cost.to_json() for cost in costs]}
    try:
        write_whole(out / "sensitivity.json", (json.dumps(table, indent=1) + "\n").encode())
        sensitivity_chart(costs, f"{Path(settings.bundle).name}, {settings.method}", out / "sensitivity.png")
    except OSError as fault:
        raise ReportedError(f"{out}: cannot be written ({fault.strerror})") from None
    return out
