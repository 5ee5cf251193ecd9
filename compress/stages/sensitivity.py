"""sensitivity: what each layer of a bundle costs on int8, alone and together with the cheaper ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.option import option
from compress.quantize.methods import RANGES
from compress.stages.quantize import CalibrationSettings
from compress.stages.table import html_table

if TYPE_CHECKING:
    from compress.quantize.sensitivity import Cost
    from deploy.results.ours import Maker

FILES = ("sensitivity.json", "sensitivity.png")


@dataclass(frozen=True, kw_only=True)
class SensitivitySettings(CalibrationSettings):
    """Of `sensitivity`."""

    method: str = option("mse", choices=RANGES, help="how ranges are chosen")
    judge: int = option(8, low=1, high=100_000, help="images that each layer is judged on")
    out: str | Path | None = option(None, kind=Path, metavar="DIR", help=f"write {' and '.join(FILES)} here")


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
    """Try every int8 layer alone, then one after another from the cheapest on.

    Nothing is written without `out`; a table that is there moves to OUT.prev.

    Raises what `quantize` raises for bundles, images and options, and UsageError where OUT is something else's.
    """
    from compress.quantize.calibrate import calibrated
    from compress.quantize.images import evenly
    from compress.quantize.sensitivity import layer_costs
    from compress.quantize.subject import open_subject
    from deploy.console import Progress
    from deploy.results.folder import check_room
    from deploy.results.ours import check_apart

    out = Path(settings.out).absolute() if settings.out else None
    if out is not None:
        check_room(out, _maker())
        check_apart(out, [Path(settings.bundle), Path(settings.calib)])
    subject = open_subject(settings, say)
    quantization = calibrated(
        subject.model, subject.layers, subject.images, settings.method, False, not settings.per_tensor
    )
    some = evenly(len(subject.images), settings.judge)
    images, before = [subject.images[number] for number in some], [subject.outputs[number] for number in some]
    progress = Progress("trials:", 2 * len(quantization.whole), unit="layers")
    costs = layer_costs(subject.model, quantization, images, before, len(subject.bundle.names), step=progress.step)
    progress.finish()
    if out is not None:
        _write(costs, settings, out)
    return SensitivityResult(costs, out)


def _maker() -> Maker:
    from deploy.results.ours import Maker

    return Maker("sensitivity", "table of sensitivity", FILES)


def _write(costs: list[Cost], settings: SensitivitySettings, out: Path) -> None:
    from compress.report.sensitivity_chart import sensitivity_chart
    from deploy.results.folder import result_folder

    table = {
        "schema_version": 1,
        "kind": "sensitivity",
        "method": settings.method,
        "layers": [cost.to_json() for cost in costs],
    }
    with result_folder(out, _maker()) as folder:
        (folder / FILES[0]).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        sensitivity_chart(costs, f"{Path(settings.bundle).name}, {settings.method}", folder / FILES[1])
