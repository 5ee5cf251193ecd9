"""What travels through a stream: one picture's buffer, what the elements found out about it, and the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Picture:
    """A decoded or resized picture.

    `pixels` is uint8 [height, width, 3] in BGR order; `source_width` x `source_height` is the decoded picture it came
    from; `resize_type` and `ratio` (keepAspectRatioScaling) say how, as in the SDK's MxpiVisionInfo.
    """

    pixels: np.ndarray
    source_width: int
    source_height: int
    resize_type: int = 0
    ratio: float = 0.0

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True)
class Tensors:
    """A model's outputs, float32, in the model's order, and the picture that went in."""

    outputs: list[np.ndarray]
    picture: Picture


@dataclass(frozen=True)
class Objects:
    """Detections: float32 [n, 6] = x0 y0 x1 y1 confidence class, the class names, and the element they came through."""

    detections: np.ndarray
    names: list[str]
    data_source: str


@dataclass(eq=False)
class Frame:
    """One picture on its way.

    `buffer` holds the bytes that an element receives from the one before (the file, later the text). `metadata` has
    what each element added, under the element's name. `reply` gets exactly one (error code, bytes).
    """

    buffer: bytes
    metadata: dict[str, Any] = field(default_factory=dict)
    reply: SimpleQueue[tuple[int, bytes]] = field(default_factory=SimpleQueue)

    def release(self) -> None:
        """Let go of everything but the reply."""
        self.metadata.clear()
        self.buffer = b""
