"""`eval --compare`: both numerics on the same images, and what each stage of the board's arithmetic costs in mAP."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.console import note
from deploy.errors import UsageError
from deploy.run.evaluate import evaluate
from deploy.run.stream import HOST, find_engine
from deploy.run.target import Target

if TYPE_CHECKING:
    from compute_mAP.report import Report

SCHEMA_VERSION = 1
MEANS = ("map50", "map75", "map50_95")
COLOUR, LETTERBOX, HALF = "colour", "letterbox", "half"
STAGES = {
    COLOUR: "the colour path: NV12, AIPP in whole numbers",
    LETTERBOX: "the letterbox: even sizes, scaled twice, against one to the nearest pixel",
    HALF: "half precision: weights and activations",
}


@dataclass(frozen=True)
class Comparison:
    """The reports of both numerics (`plain`: float), and for each of STAGES its mAPs less those without that stage."""

    board: Report
    plain: Report
    stages: dict[str, dict[str, float]]
    out: Path

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "board": self.board.to_json(),
            "float": self.plain.to_json(),
            "stages": {name: dict(values) for name, values in self.stages.items()},
        }

    def to_text(self) -> str:
        lines = [
            f"{name} numerics: mAP@0.5 = {report.map50:.4f}, mAP@0.5:0.95 = {report.map50_95:.4f} ({report.protocol})"
            for name, report in (("float", self.plain), ("board", self.board))
        ]
        whole = _less(self.board, self.plain)
        lines.append(f"board minus float: {_signed(whole)}; each stage alone:")
        lines += [f"  {_signed(values)}  {STAGES[name]}" for name, values in self.stages.items()]
        return "\n".join([*lines, f"images = {self.board.images}; the board's detections are in {self.out}"])


def compare(
    target: Target,
    devkit: Path,
    year: str | None,
    image_set: str | None,
    protocol: str,
    out: Path,
    resume: bool = False,
) -> Comparison:
    """Score the image set under board and float numerics and with one stage at a time; six runs.

    Arguments as those of `evaluate`; OUT/txt_result holds what board numerics found. Raises what `evaluate` raises, and
    UsageError on a board, which computes in one way only, and with numerics in the target.
    """
    if target.numerics:
        raise UsageError("--compare runs both numerics: leave --numerics out")
    if find_engine(target.on).on != HOST:
        raise UsageError("--compare is for the host engine; a board computes in one way only (--on host)")
    from deploy.host.numerics import EXACT, FLOAT, TWICE

    target = replace(target, on="host")

    def run(name: str, numerics: Any, folder: Path, resumed: bool = False) -> Report:
        note(f"comparing numerics: {name}")
        chosen = replace(target, numerics=numerics)
        return evaluate(chosen, devkit, year, image_set, protocol, folder, resumed).report

    board = run("board", "board", out, resume)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        plain = run("float", "float", folder)
        exact = run("an exact letterbox", replace(FLOAT, letterbox=EXACT), folder)
        stages = {
            COLOUR: _less(run("colour", replace(FLOAT, colour=True), folder), plain),
            LETTERBOX: _less(run("letterbox", replace(FLOAT, letterbox=TWICE), folder), exact),
            HALF: _less(run("half", replace(FLOAT, half=True), folder), plain),
        }
    return Comparison(board, plain, stages, out)


def _less(one: Report, other: Report) -> dict[str, float]:
    return {key: getattr(one, key) - getattr(other, key) for key in MEANS}


def _signed(values: dict[str, float]) -> str:
    return f"{values['map50']:+.4f}, {values['map50_95']:+.4f}"
