"""cost: what a model asks of a chip, and how long that may take there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.cost.chips import DEFAULT_SOC
from compress.option import Settings, option
from compress.out_file import check_out_file
from compress.stages.inference import input_side
from compress.train.settings import network_side
from compress.verb import Answer, Verb
from deploy.errors import UsageError

if TYPE_CHECKING:
    from compress.cost.chips import Chip
    from compress.cost.work import Work


@dataclass(frozen=True, kw_only=True)
class CostSettings(Settings):
    model: str = option(
        metavar="MODEL", place=True, help="a checkpoint, a .pt of ultralytics, an ONNX file or a bundle"
    )
    soc: str = option(DEFAULT_SOC, help="the chip, as ATC names it")
    imgsz: int | None = option(
        None, kind=network_side, help="side of the square network input in pixels (default: as trained)"
    )
    calibrate: str | None = option(
        None,
        metavar="MEASURED",
        help="this model's latency on the board in ms, its op_summary .csv of msprof, or a .json of --save",
    )
    save: str | None = option(None, metavar="FILE", help="write the calibration to a .json, for other models and prune")
    layers: bool = option(False, help="a line for each operator")


def cost(settings: CostSettings) -> Answer:
    from compress.cost.calibrate import calibrate, read_calibration, save_calibration
    from compress.cost.chips import find_chip
    from compress.cost.estimate import estimate

    chip = find_chip(settings.soc)
    if settings.save and not settings.calibrate:
        raise UsageError("--save needs --calibrate: it writes what a measurement says")
    if settings.save:
        check_out_file("--save", Path(settings.save), ".json", [settings.model], "calibration", read_calibration)
    works = _works(settings)
    calibration = calibrate(settings.calibrate, works, chip) if settings.calibrate else None
    found = estimate(works, chip, calibration)
    if calibration and settings.save:
        save_calibration(calibration, Path(settings.save))
    totals = {
        "operators": len(works),
        "flops": sum(work.flops for work in works),
        "padded_flops": sum(work.padded_flops for work in works),
        "bytes": sum(work.bytes for work in works),
    }
    basis = f"calibrated by {calibration.source}" if calibration else "not calibrated: peaks and assumptions, no board"
    layers = _layers(works, chip)
    lines = [_table(layers)] if settings.layers else []
    lines += [
        f"{totals['operators']} operators, {totals['flops'] / 1e9:.3f} GFLOPs, "
        f"{totals['padded_flops'] / 1e9:.3f} with channels in blocks of 16 (int8: 32), "
        f"{totals['bytes'] / 1e6:.1f} MB moved",
        f"estimated latency on {chip.name}: {found} ({basis})",
    ]
    result: dict[str, Any] = {
        "soc": chip.name,
        **totals,
        "estimate_ms": {"low": found.low, "high": found.high},
        "calibrated": calibration is not None,
    }
    return Answer({**result, "layers": layers} if settings.layers else result, "\n".join(lines))


def _works(settings: CostSettings) -> list[Work]:
    path = Path(settings.model)
    if path.is_dir():
        from deploy.bundle import open_bundle

        bundle = open_bundle(path)
        path = bundle.folder / bundle.converted
    if path.suffix == ".onnx":
        from compress.cost import onnx_work
        from compress.graph.load import load_onnx

        if settings.imgsz:
            raise UsageError("--imgsz is for checkpoints: an ONNX model has its size in it")
        return onnx_work.work_of(load_onnx(path), str(path))
    from compress.cost import torch_work
    from compress.nets.weights import open_weights

    model, _ = open_weights(path)
    return torch_work.work_of(model, input_side(model, settings.imgsz))


def _layers(works: Sequence[Work], chip: Chip) -> list[dict[str, Any]]:
    from compress.cost.estimate import layer_range

    rows = []
    for work in works:
        found = layer_range(work, chip)
        row = {key: getattr(work, key) for key in ("name", "kind", "int8", "channels", "kernel", "size")}
        numbers = {key: getattr(work, key) for key in ("flops", "padded_flops", "bytes")}
        rows.append({**row, **numbers, "low_ms": found.low, "high_ms": found.high})
    return rows


def _table(rows: Sequence[dict[str, Any]]) -> str:
    width = max(len(row["name"]) for row in rows)
    lines = [f"{'operator':<{width}}  {'kind':>10}  channels     size      MFLOPs  padded  MB moved  ms (estimate)"]
    for row in rows:
        channels, size = "{}-{}".format(*row["channels"]), "{}x{}".format(*row["size"])
        kind = f"{row['kind']} int8" if row["int8"] else row["kind"]
        milliseconds = f"{row['low_ms']:.3f} to {row['high_ms']:.3f}"
        lines.append(
            f"{row['name']:<{width}}  {kind:>10}  {channels:>9}  {size:>7}  {row['flops'] / 1e6:>8.1f}  "
            f"{row['padded_flops'] / 1e6:>6.1f}  {row['bytes'] / 1e6:>8.2f}  {milliseconds}"
        )
    return "\n".join(lines)


VERB = Verb("cost", "estimate a model's latency on an Ascend chip, layer by layer", CostSettings, cost)
