"""Sizes, places and results, with the SDK's attribute names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from deploy.host.sdk.mindx.sdk.base.enums import ResizeType
from deploy.postprocess.sdk_objects import ObjectInfo

__all__ = ["ObjectInfo"]


@dataclass
class Size:
    """In pixels."""

    width: int = 0
    height: int = 0


@dataclass
class Point:
    """In pixels from the top left."""

    x: int = 0
    y: int = 0


@dataclass
class Rect:
    """From (x0, y0) to before (x1, y1), in pixels; of two Points as well."""

    x0: Any = 0
    y0: Any = 0
    x1: int = 0
    y1: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.x0, Point) and isinstance(self.y0, Point):
            first, last = self.x0, self.y0
            self.x0, self.y0, self.x1, self.y1 = first.x, first.y, last.x, last.y


@dataclass
class Dim:
    """Pixels to add on each side."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


@dataclass
class Color:
    """Channels 0..255: red, green, blue."""

    channel_zero: int = 0
    channel_one: int = 0
    channel_two: int = 0


@dataclass
class ResizedImageInfo:
    """How an image became the network's input: sizes in pixels."""

    widthResize: int = 0
    heightResize: int = 0
    widthOriginal: int = 0
    heightOriginal: int = 0
    resizeType: Any = ResizeType.RESIZER_STRETCHING
    keepAspectRatioScaling: float = 0.0


@dataclass
class ClassInfo:
    classId: int = 0
    confidence: float = 0.0
    className: str = ""


@dataclass
class TextsInfo:
    text: list[str] = field(default_factory=list)


@dataclass
class AttributeInfo:
    attrId: int = 0
    attrName: str = ""
    attrValue: str = ""
    confidence: float = 0.0


@dataclass
class TextObjectInfo:
    x0: float = 0.0
    y0: float = 0.0
    x1: float = 0.0
    y1: float = 0.0
    x2: float = 0.0
    y2: float = 0.0
    x3: float = 0.0
    y3: float = 0.0
    confidence: float = 0.0
    result: str = ""


@dataclass
class SemanticSegInfo:
    pixels: list[list[int]] = field(default_factory=list)
    labelMap: list[str] = field(default_factory=list)


@dataclass
class KeyPointDetectionInfo:
    keyPointMap: dict[int, list[float]] = field(default_factory=dict)
    scoreMap: dict[int, float] = field(default_factory=dict)
    score: float = 0.0


def resize_info(
    image: Any, resize_height: int, resize_width: int, resize_type: ResizeType = ResizeType.RESIZER_STRETCHING
) -> ResizedImageInfo:
    """For the post-processors: an Image that was resized to that size, in pixels."""
    width, height = image.original_width, image.original_height
    ratio = 0.0
    if resize_type is not ResizeType.RESIZER_STRETCHING and width and height:
        ratio = min(resize_width / width, resize_height / height)
    return ResizedImageInfo(resize_width, resize_height, width, height, resize_type, ratio)
