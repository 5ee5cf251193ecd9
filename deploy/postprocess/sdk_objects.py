"""What a Python post-processor is given and gives back, with the attributes of the SDK's module mindx.sdk.base.

On a board `ObjectInfo` is the SDK's own class where that module imports; elsewhere it is this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class ObjectInfo:
    """One detection: corners in pixels of the original image, confidence 0..1, class id (float in the SDK), name."""

    x0: float = 0.0
    y0: float = 0.0
    x1: float = 0.0
    y1: float = 0.0
    confidence: float = 0.0
    classId: float = 0.0
    className: str = ""


@dataclass
class ResizedImageInfo:
    """How an image became the network's input: sizes in pixels, the resize type's number, keepAspectRatioScaling."""

    widthResize: int = 0
    heightResize: int = 0
    widthOriginal: int = 0
    heightOriginal: int = 0
    resizeType: int = 0
    keepAspectRatioScaling: float = 0.0


class Tensor:
    """One output of the model for all images of a buffer: `numpy.array(tensor)` has its values, `shape` its sides."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    @property
    def shape(self) -> list[int]:
        return list(self._values.shape)

    def to_host(self) -> None:
        """On a board this fetches the values from the chip; here they are there."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        values = self._values if dtype is None else self._values.astype(dtype, copy=False)
        return values.copy() if copy else values


def object_info_class() -> Any:
    """The class to make detections of."""
    try:
        from mindx.sdk import base
    except ImportError:
        return ObjectInfo
    return getattr(base, "ObjectInfo", ObjectInfo)
