"""Everything that the page shows, gathered from the models and their scores: what page.html.jinja is filled with."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from compress.report.page import charts
from compress.report.page.gamma_frames import Frames, frames_chart, frames_of
from compress.report.page.sources import Source, full_widths, layer_widths, sizes
from compress.report.page.studies import search_section
from compress.train.gamma_log import GammaEpoch, read_gamma_log
from deploy.errors import DataError
from deploy.hashes import file_sha256

if TYPE_CHECKING:
    from compress.cost.estimate import Range
    from compress.report.ladder.rung import Rung
    from compress.report.page.scores import Scored

_PACKAGES = ("ascend-yolo-slim", "torch", "ultralytics", "onnx", "onnxsim", "onnxruntime", "numpy", "opencv-python")
_MOST_CLASSES = 30
"""Classes up to which a confusion matrix is shown whole, and curves by class."""


@dataclass
class Row:
    """One model of the table. `number` counts from 1; costs are None where nothing tells them."""

    number: int
    source: Source
    parameters: int | None = None
    flops: int | None = None
    bytes: int | None = None
    estimate: Range | None = None
    host_ms: float | None = None
    scored: Scored | None = None
    ladder: list[Rung] | None = None

    @property
    def title(self) -> str:
        return self.source.title

    @property
    def trained(self) -> dict[str, float]:
        """mAPs of the last training's validation, with torch."""
        for entry in reversed(self.source.history):
            found = entry.get("val")
            if isinstance(found, dict):
                return {key: float(found[key]) for key in ("map50", "map50_95") if _is_number(found.get(key))}
        return {}


@dataclass
class Page:
    """What the template is given, beside its own texts."""

    rows: list[Row]
    command: str
    set_name: str = ""
    ladder_images: int = 0
    protocol: str = ""
    soc: str = ""
    sections: dict[str, Any] = field(default_factory=dict)

    @property
    def accuracy(self) -> str:
        """What the accuracy of the charts is: that of the test set where all bundles have one, else of the training."""
        if any(row.scored for row in self.rows) and all(row.scored for row in self.rows if row.source.bundle):
            return "test"
        return "val" if any(row.trained for row in self.rows) else ""


def row_of(number: int, source: Source, soc: str) -> Row:
    """The row of a model with what its files say of its costs. Raises ModelError for a faulty model."""
    size = sizes(source)
    return Row(number, source, size["parameters"], size["flops"], size["bytes"], _estimate(source, soc))


def _estimate(source: Source, soc: str) -> Range | None:
    from compress.cost.chips import find_chip
    from compress.cost.estimate import estimate

    if not source.bundle:
        return None
    from compress.cost import onnx_work
    from compress.graph.load import load_onnx

    file = source.bundle.folder / "model.onnx"
    return estimate(onnx_work.work_of(load_onnx(file), str(file)), find_chip(soc))


def fill(page: Page) -> None:
    """Draw the charts of the page's rows into its sections; `worst` and `sensitivities` come from elsewhere."""
    page.sections = {"worst": {}, "sensitivities": [], **page.sections}
    page.sections.update(
        columns=_columns(page),
        frontiers=_frontiers(page),
        scores=_scores(page),
        ladders=_ladders(page.rows),
        layers=_layers(page.rows),
        runs=_runs(page.rows),
        searches=[search_section(row.number, row.title, row.source.search) for row in page.rows if row.source.search],
        provenance=[_provenance(row) for row in page.rows],
        versions=_versions(),
    )


@dataclass(frozen=True)
class Column:
    """A column of numbers: `values` by row, None for nothing; `best` are the rows that hold the best one."""

    key: str
    values: list[float | None]
    texts: list[str]
    best: list[int]


def _columns(page: Page) -> list[Column]:
    rows = page.rows
    columns = [
        _column("map50", [row.scored.report.map50 if row.scored else None for row in rows], "{:.3f}", max),
        _column("map50_95", [row.scored.report.map50_95 if row.scored else None for row in rows], "{:.3f}", max),
        _differences(rows),
        _column("val50", [row.trained.get("map50") for row in rows], "{:.3f}"),
        _column("val50_95", [row.trained.get("map50_95") for row in rows], "{:.3f}"),
        _column("parameters", [row.parameters and row.parameters / 1e6 for row in rows], "{:.3f} M", min),
        _column("flops", [row.flops and row.flops / 1e9 for row in rows], "{:.3f} G", min),
        _column("bytes", [row.bytes and row.bytes / 1e6 for row in rows], "{:.2f} MB", min),
        _column("estimate", [row.estimate.high if row.estimate else None for row in rows], "", min),
        _column("host_ms", [row.host_ms for row in rows], "{:.1f} ms", min),
    ]
    for i, row in enumerate(rows):
        if row.estimate:
            columns[8].texts[i] = str(row.estimate)
    return [column for column in columns if any(value is not None for value in column.values)]


def _column(key: str, values: Sequence[float | None], shape: str, better: Any = None) -> Column:
    """`better` is min or max; without it none is the best: validations may be of different sets."""
    known = [value for value in values if value is not None]
    best = better(known) if better and len(known) > 1 else None
    texts = ["" if value is None else shape.format(value) for value in values]
    return Column(
        key, list(values), texts, [i for i, value in enumerate(values) if value is not None and value == best]
    )


def _differences(rows: Sequence[Row]) -> Column:
    found = [row.scored.against.map50_95 if row.scored and row.scored.against else None for row in rows]
    texts = [f"{d.difference:+.3f} [{d.low:+.3f}, {d.high:+.3f}]" if d else "" for d in found]
    return Column("difference", [d.difference if d else None for d in found], texts, [])


def _frontiers(page: Page) -> list[dict[str, str]]:
    accuracy = {
        "test": {row.number: row.scored.report.map50_95 for row in page.rows if row.scored},
        "val": {row.number: row.trained["map50_95"] for row in page.rows if "map50_95" in row.trained},
    }.get(page.accuracy, {})
    costs: tuple[tuple[str, str, dict[int, float]], ...] = (
        ("flops", "FLOPs (G)", {row.number: row.flops / 1e9 for row in page.rows if row.flops}),
        ("parameters", "parameters (M)", {row.number: row.parameters / 1e6 for row in page.rows if row.parameters}),
        ("estimate", f"estimate on {page.soc} (ms)", {r.number: r.estimate.high for r in page.rows if r.estimate}),
        ("host", "latency here (ms)", {row.number: row.host_ms for row in page.rows if row.host_ms}),
    )
    found = []
    for key, words, values in costs:
        points = {number: (values[number], accuracy[number]) for number in accuracy if number in values}
        if points:
            svg = charts.frontier_chart(f"frontier-{key}", points, words, "mAP@0.5:0.95")
            found.append({"key": key, "svg": svg})
    return found


def _scores(page: Page) -> dict[str, Any]:
    scored = [(row, row.scored) for row in page.rows if row.scored]
    if not scored:
        return {}
    precision = {row.title: found.mean_precision for row, found in scored}
    f1 = {row.title: found.mean_f1 for row, found in scored}
    models = []
    for row, found in scored:
        few = len(found.names) <= _MOST_CLASSES
        name = f"model{row.number}"
        curves = {**(found.precision if few else {}), "mean": found.mean_precision}
        f1s = {**(found.f1 if few else {}), "mean": found.mean_f1}
        models.append(
            {
                "title": row.title,
                "best": found.best,
                "f1": float(found.mean_f1.max()),
                "folder": found.folder,
                "ap50": found.report.ap50,
                "failed": found.report.failed_images,
                "pr": charts.precision_chart(f"{name}-pr", f"precision, recall: {row.title}", curves, "mean"),
                "f1_chart": charts.f1_chart(f"{name}-f1", f"F1, confidence: {row.title}", f1s, "mean"),
                "names": found.names,
                "confusion": found.confusion.tolist() if few else [],
            }
        )
    return {
        "pr": charts.precision_chart("all-pr", "precision, recall", precision),
        "f1": charts.f1_chart("all-f1", "F1, confidence", f1),
        "models": models,
    }


def _ladders(rows: Sequence[Row]) -> list[dict[str, Any]]:
    from compress.report.ladder.rung import first_broken

    return [{"title": row.title, "rungs": row.ladder, "broken": first_broken(row.ladder)} for row in rows if row.ladder]


def _layers(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Channels before and after, for each model that has fewer than the first one or than its own architecture."""
    widths = {row.number: layer_widths(row.source) for row in rows}
    found = []
    for row in rows:
        after = widths[row.number]
        before = full_widths(row.source)
        if not before or before == after:
            before = widths[rows[0].number]
        if not after or not set(after) <= set(before) or before == after:
            continue
        kept, whole = sum(after.values()), sum(before[name] for name in after)
        label = f"channels: {row.title}, {kept} / {whole}"
        svg = charts.channels_chart(f"channels-{row.number}", label, before, after)
        table = [(name, before[name], after[name]) for name in after]
        found.append({"title": row.title, "kept": kept, "whole": whole, "svg": svg, "table": table})
    return found


def _runs(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Training curves and gammas of each model that has its run."""
    found = []
    for row in rows:
        if not row.source.run:
            continue
        log = _log(row.source)
        gammas = gammas_of(row.source)
        entry: dict[str, Any] = {"title": row.title, "epochs": len(log), "svg": "", "gammas": None}
        if log:
            entry["svg"] = charts.training_chart(f"training-{row.number}", f"training: {row.title}", log)
        if gammas:
            frames = frames_of(gammas)
            entry["gammas"] = _gamma_entry(row, frames)
        if log or gammas:
            found.append(entry)
    return found


def _gamma_entry(row: Row, frames: Frames) -> dict[str, Any]:
    svg = frames_chart(f"gammas-{row.number}", f"|gamma|: {row.title}", frames)
    told = [[epoch, round(100 * near, 1)] for epoch, near in zip(frames.epochs, frames.near, strict=True)]
    return {"svg": svg, "name": f"gammas-{row.number}", "told": told}


def gammas_of(source: Source) -> list[GammaEpoch]:
    """The gammas that a sparse run noted, [] of another. Raises DataError for a damaged file."""
    file = source.run / "gammas.jsonl" if source.run else None
    return read_gamma_log(file) if file and file.is_file() and file.stat().st_size else []


def _log(source: Source) -> list[dict[str, Any]]:
    """The rows of results.jsonl; the last one may have been cut short."""
    assert source.run
    file = source.run / "results.jsonl"
    rows: list[dict[str, Any]] = []
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            rows.append({**row, "epoch": int(row["epoch"])})
        except (ValueError, KeyError, TypeError):
            if number < len(lines):
                raise DataError(f"{file}: line {number} is no epoch of a training") from None
    return rows


def _provenance(row: Row) -> dict[str, Any]:
    source = row.source
    files = dict(source.bundle.description["files"]) if source.bundle else {}
    if source.checkpoint:
        files[source.checkpoint.name] = file_sha256(source.checkpoint)
    places = [str(place) for place in source.places]
    return {"title": row.title, "places": places, "files": files, "notes": source.notes, "stages": _stages(source)}


def _stages(source: Source) -> list[dict[str, str]]:
    return [
        {
            "stage": str(entry.get("stage")),
            "settings": json.dumps(entry.get("settings", {}), ensure_ascii=False),
            "sha256": str(entry.get("sha256", "")),
        }
        for entry in source.history
    ]


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def answer_of(row: Row) -> dict[str, Any]:
    """What `--json` says of a model."""
    scored = row.scored
    found: Mapping[str, Any] = {
        "title": row.title,
        "map50": scored and scored.report.map50,
        "map50_95": scored and scored.report.map50_95,
        "against_first": scored.against.to_json() if scored and scored.against else None,
        "parameters": row.parameters,
        "flops": row.flops,
        "host_ms": row.host_ms,
        "ladder": row.ladder and [rung.to_json() for rung in row.ladder],
    }
    return dict(found)
