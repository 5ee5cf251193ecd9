"""A detector with its history: what stages take and give."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from compress.nets.detector import Detector


@dataclass(frozen=True)
class Model:
    """A detector in memory and what it went through.

    Attributes:
        detector: the torch module, fp32; takes float32 [n, 3, h, w] in 0..1, RGB, and returns its raw outputs.
        history: a JSON object for each stage, the latest last (docs/formats.md).
        source: the file it was read from, or None.
    """

    detector: Detector
    history: list[dict[str, Any]]
    source: Path | None = None

    @property
    def names(self) -> list[str]:
        """The classes, in the order of the outputs."""
        return self.detector.names

    @property
    def imgsz(self) -> int:
        """Side of the network input in pixels, as trained."""
        return self.detector.imgsz

    @property
    def sha256(self) -> str:
        """Of the file it was read from; of a model without one, of its tensors in safetensors form."""
        from deploy.hashes import file_sha256

        if self.source:
            return file_sha256(self.source)
        from safetensors.torch import save

        tensors = {key: value.detach().cpu().contiguous() for key, value in self.detector.state_dict().items()}
        return hashlib.sha256(save(tensors)).hexdigest()

    def save(self, path: str | Path) -> Path:
        """Write a checkpoint (.safetensors), whole or not at all."""
        from compress.nets.checkpoint import save_checkpoint

        save_checkpoint(self.detector, path, self.history)
        return Path(path)

    def __repr__(self) -> str:
        stages = ", ".join(str(entry.get("stage")) for entry in self.history) or "none"
        return f"<{self.detector.family} of {len(self.names)} classes at {self.imgsz} px, stages: {stages}>"


Weights = Union[str, Path, Model]
"""A checkpoint of ours, a .pt of YOLOv5 or ultralytics, or a model in memory."""


def open_model(weights: Weights) -> Model:
    """The model in a file, or the one that is given. Raises ModelError for any other file."""
    from compress.nets.weights import open_weights

    if isinstance(weights, Model):
        return weights
    detector, history = open_weights(weights)
    return Model(detector, history, Path(weights))


def name_of(weights: Weights) -> str:
    """What messages call it."""
    return repr(weights) if isinstance(weights, Model) else str(weights)
