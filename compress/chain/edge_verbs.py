"""The verbs of `run.sh` that a recipe can name. They run as programs of their own (compress/edge.py)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compress.option import option
from compress.stages.evaluate import EvaluateSettings, PipelineSettings
from compress.verb import Verb


@dataclass(frozen=True, kw_only=True)
class EvalSettings(EvaluateSettings):
    compare: bool = option(False, help="score both numerics, and say what each stage of the chip's arithmetic costs")


@dataclass(frozen=True, kw_only=True)
class SpeedSettings(PipelineSettings):
    source: str | Path = option(
        kind=Path, place=True, help="one image name without suffix a line; or, alone, a folder of images or one image"
    )
    image_dir: str | Path | None = option(
        None, kind=Path, place=True, help="the folder with the images of the image set"
    )


EDGE_VERBS = (
    Verb("eval", "score a bundle against a Pascal VOC devkit", EvalSettings, None),
    Verb("speed", "measure latency and images per second", SpeedSettings, None),
)
