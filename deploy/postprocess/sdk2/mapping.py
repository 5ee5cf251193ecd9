"""From boxes on the network's input back to the image, as the SDK's old post-processing framework does it.

Boxes come as centres and sizes, float32 [2, n] each, in 0..1 of the network's input and possibly beyond, and leave as
corners float32 [n, 4] in pixels. All in float32, operation for operation.
"""

from __future__ import annotations

import numpy as np

from deploy.postprocess.mapping import FIT, STRETCH, Geometry
from deploy.postprocess.resize_types import RESIZE_TYPES
from deploy.sdk_codes import INVALID_PARAM, SdkFault

_STRETCHED = (STRETCH, RESIZE_TYPES.index("Resizer_MS_Yolov4"))
_BY_ONE_RATIO = (RESIZE_TYPES.index("Resizer_KeepAspectRatio_FastRCNN"), FIT)
_EPSILON = np.finfo(np.float32).eps


def from_letterbox(centre: np.ndarray, size: np.ndarray, geometry: Geometry) -> np.ndarray:
    """As from a letterbox at the top left: near edges end at 0, far edges at the image's (YOLOv5)."""
    source, net = _sides(geometry)
    gain = np.min(net / source)
    share = source * gain / net  # of the network's input that the image takes
    near, far = _edges(centre, size)
    near, far = near / share, far / share
    out = np.empty((centre.shape[1], 4), np.float32)
    out[:, :2] = np.where(near > 0, near * source, 0).T
    out[:, 2:] = np.where(far <= 1, far * source, source).T
    return out


def undo_centre_padding(centre: np.ndarray, size: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """RESIZE_FLAG=1: from the whole input to the image in the middle of it. Raises SdkFault 1004 for an empty one.

    `from_letterbox` still follows, so that the scale is undone twice unless the image has the input's proportions.
    """
    width, height = geometry.source_width, geometry.source_height
    net_width, net_height = geometry.net_width, geometry.net_height
    if np.float32(net_width) / np.float32(width) < np.float32(net_height) / np.float32(height):
        inner = (net_width, height * net_width // width)
    else:
        inner = (width * net_height // height, net_height)
    if not all(inner):
        raise SdkFault(INVALID_PARAM, f"an image of {width} x {height} px leaves nothing of the network's input")
    _, net = _sides(geometry)
    content = np.array(inner, np.float32)[:, None]
    return (centre * net - (net - content) / 2) / content, size * (net / content)


def to_source_v3(centre: np.ndarray, size: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """YOLOv3, by resize type. Returns the boxes and the indices (intp) of those that begin inside the image.

    With one ratio for both axes the library scales x0 and y0 by the network's width and x1 and y1 by its height, which
    is right for square networks only. Types without a rule stay in 0..1.
    """
    near, far = _edges(centre, size)
    boxes = np.empty((centre.shape[1], 4), np.float32)
    boxes[:, :2] = np.where(near > _EPSILON, near, 0).T
    boxes[:, 2:] = np.where(far <= 1, far, 1).T
    kept = np.arange(len(boxes))
    width, height = geometry.source_width, geometry.source_height
    if geometry.resize_type in _STRETCHED:
        boxes *= np.array([width, height, width, height], np.float32)
    elif geometry.resize_type in _BY_ONE_RATIO and geometry.ratio:
        ratio = np.float32(geometry.ratio)
        boxes[:, :2] *= np.float32(geometry.net_width) / ratio
        boxes[:, 2:] *= np.float32(geometry.net_height) / ratio
        kept = np.flatnonzero((boxes[:, 0] <= width) & (boxes[:, 1] <= height))
        boxes = boxes[kept]
        np.minimum(boxes[:, 2:], np.array([width, height], np.float32), out=boxes[:, 2:])
    return boxes, kept


def _edges(centre: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    half = size / 2
    return centre - half, centre + half


def _sides(geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Width and height of the image and of the network's input, float32 [2, 1] each."""
    source = np.array([[geometry.source_width], [geometry.source_height]], np.float32)
    return source, np.array([[geometry.net_width], [geometry.net_height]], np.float32)
