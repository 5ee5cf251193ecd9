"""From boxes on the network's input back to the original image (the SDK's ResizeReduction)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deploy.postprocess.resize_types import FAST_RCNN, FIT, MS_YOLOV4, RESCALE, RESCALE_DOUBLE, STRETCH

_STRETCHED = (STRETCH, MS_YOLOV4)
_BY_ONE_RATIO = (FAST_RCNN, FIT, RESCALE, RESCALE_DOUBLE)


@dataclass(frozen=True)
class Geometry:
    """How an image became the network's input.

    `net_width` x `net_height` is the resized image, `source_width` x `source_height` the decoded one (pixels);
    `resize_type` is an index into RESIZE_TYPES; `ratio` is keepAspectRatioScaling (0 where the type has none).
    """

    net_width: int
    net_height: int
    source_width: int
    source_height: int
    resize_type: int
    ratio: float


def to_source(boxes: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Map boxes float32 [n, 4] (x0 y0 x1 y1 in 0..1 of the network's input) to pixels of the original image.

    Returns (boxes float32 [m, 4], kept intp [m]): with one ratio for both axes, boxes that begin beyond the image
    are erased and the far edges are clipped to it; the pad offset of a centred letterbox is never subtracted, and
    types without a rule stay in 0..1, as in the SDK.
    """
    width, height = geometry.source_width, geometry.source_height
    kept = np.arange(len(boxes))
    if geometry.resize_type in _STRETCHED:
        return boxes * np.array([width, height, width, height], np.float32), kept
    if geometry.resize_type not in _BY_ONE_RATIO or geometry.ratio == 0:
        return boxes, kept
    ratio = np.float32(geometry.ratio)
    x, y = np.float32(geometry.net_width) / ratio, np.float32(geometry.net_height) / ratio
    mapped = boxes * np.array([x, y, x, y], np.float32)
    kept = np.flatnonzero((mapped[:, 0] <= width) & (mapped[:, 1] <= height))
    mapped = mapped[kept]
    np.minimum(mapped[:, 2:], np.array([width, height], np.float32), out=mapped[:, 2:])
    return mapped, kept
