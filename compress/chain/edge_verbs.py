"""The verbs of `run.sh` that a recipe can name. They run as programs of their own (compress/edge.py)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compress.stages.evaluate import EvaluateSettings, PipelineSettings, as_run
from compress.verb import Verb


@dataclass(frozen=True, kw_only=True)
class EvalSettings(EvaluateSettings):
    compare: bool = as_run("compare")


@dataclass(frozen=True, kw_only=True)
class SpeedSettings(PipelineSettings):
    source: str | Path = as_run("source", place=True, required=True)
    image_dir: str | Path | None = as_run("image_dir", place=True)


EDGE_VERBS = (
    Verb("eval", "score a bundle against a Pascal VOC devkit", EvalSettings, None),
    Verb("speed", "measure latency and images per second", SpeedSettings, None),
)
