"""What to run: a bundle's own pipeline, or another pipeline file; and how: thresholds, on the board or on the host."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from deploy.bundle import Bundle, open_bundle
from deploy.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "models" / "demo"


NUMERICS = ("board", "float")
"""What the host engine imitates of the chip's arithmetic: all of it, or as little as detecting needs."""
_SOC = "--soc_version="


class Resolved(NamedTuple):
    """The pipeline file and the folder to run it in, both absolute; notes; the chip's name (Ascend310), if known; the
    bundle that the pipeline came with, None where the user named the pipeline."""

    pipeline: Path
    folder: Path
    notes: list[str]
    soc: str = ""
    bundle: Bundle | None = None


@dataclass(frozen=True)
class Target:
    """`model` is a bundle's folder, `pipeline` a file to run in place of the bundle's own; without both it is the demo.

    `conf` (score and objectness) and `iou` (NMS), both 0..1, override the thresholds of the pipeline's post-processor.
    `on` is "host", "acl", "board" or None (deploy.run.stream.find_engine). `numerics`, for the host engine, is one of
    NUMERICS or a switch for each stage (deploy.host.numerics.Numerics); None: what the task has by default. `raw`: a
    post-processor in Python runs here, on the model's raw tensors, instead of in the stream. `trust` lets a bundle's
    own Python code run, `write_outside` the stream's own elements write outside the folder in which it runs.

    Raises UsageError for a threshold outside 0..1.
    """

    model: Path | None = None
    pipeline: Path | None = None
    conf: float | None = None
    iou: float | None = None
    on: str | None = None
    numerics: Any = None
    raw: bool = False
    trust: bool = False
    write_outside: bool = False

    def __post_init__(self) -> None:
        for option, value in (("--conf", self.conf), ("--iou", self.iou)):
            if value is not None and not 0 <= value <= 1:
                raise UsageError(f"{option} {value:g}: expected a number from 0 to 1")

    def anywhere(self) -> Target:
        """The same for a process with another current folder."""
        model = DEMO if self.model is None and self.pipeline is None else self.model
        model, pipeline = (path.absolute() if path else None for path in (model, self.pipeline))
        return replace(self, model=model, pipeline=pipeline)

    def resolve(self, task: str) -> Resolved:
        """What a task ("detect" or "eval") runs, and where.

        A bundle's paths are relative to the bundle; those of a pipeline without a bundle are relative to the current
        folder, as the SDK has it. Raises ModelError for a faulty bundle.
        """
        if self.model is None and self.pipeline is not None:
            return Resolved(self.pipeline.absolute(), Path.cwd(), [])
        folder = DEMO if self.model is None else self.model.absolute()
        notes = [f"no --model given: running the demo model in {DEMO}"] if self.model is None else []
        bundle = open_bundle(folder)
        pipeline = folder / f"{task}.pipeline" if self.pipeline is None else self.pipeline.absolute()
        soc = next((entry[len(_SOC) :] for entry in bundle.atc if entry.startswith(_SOC)), "")
        return Resolved(pipeline, folder, [*notes, *bundle.notes], soc, None if self.pipeline else bundle)
