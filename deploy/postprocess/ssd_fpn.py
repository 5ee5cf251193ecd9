"""SSD MobileNet FPN of MindSpore, as the SDK's libSsdMobilenetFpn_MindsporePost.so decodes it.

Source: MxBase SsdMobilenetFpnMindsporePostDptr.hpp. Boxes are y0 x0 y1 x1 in 0..1, scaled to the original image
whatever the resize type; class 0 is the background; at most 100 boxes of a class stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.postprocess.centre_nms import padded_iou, suppress_centred
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.object_config import class_count, class_thresholds
from deploy.postprocess.tie_order import falling
from deploy.sdk_codes import INVALID_PARAM, OK, SdkFault

_MOST = 100
_EPSILON = np.finfo(np.float32).eps


@dataclass(frozen=True)
class SsdConfig:
    class_num: int
    thresholds: tuple[float, ...]
    iou_threshold: float


def read_ssd_config(values: KeyValues) -> SsdConfig:
    """Raises SdkFault 1016 or 1004 where CLASS_NUM or IOU_THRESH is missing or no number: the SDK stops there."""
    count = class_count(values)
    thresholds = class_thresholds(values, count)
    code, iou = values.number("IOU_THRESH", 0.6, 0.0, 1.0)
    if code != OK:
        raise SdkFault(code, f"{values.name}: IOU_THRESH is missing or no number; this post-processor needs it")
    return SsdConfig(count, thresholds, iou)


def check_ssd_shapes(shapes: Sequence[Sequence[int]], config: SsdConfig) -> None:
    """Boxes [1, n, 4] and scores [1, n, classes]. Raises SdkFault 1004."""
    good = len(shapes) >= 2 and all(len(shape) == 3 for shape in shapes[:2])
    if not good or shapes[0][2] != 4 or shapes[1][2] != config.class_num or shapes[0][0] != shapes[1][0]:
        found = ", ".join(str(list(shape)) for shape in shapes)
        raise SdkFault(
            INVALID_PARAM,
            f"the model's outputs are {found}; CLASS_NUM={config.class_num} takes [1, n, 4] and "
            f"[1, n, {config.class_num}]",
        )


def decode_ssd(outputs: Sequence[np.ndarray], config: SsdConfig, geometry: Geometry) -> np.ndarray:
    """float32 [n, 6] = x0 y0 x1 y1 confidence class of one image, in pixels of the original, in the SDK's order.

    Raises SdkFault 1004 for outputs that the config does not describe.
    """
    check_ssd_shapes([output.shape for output in outputs], config)
    for output in outputs:
        if output.dtype.itemsize != 4:
            raise SdkFault(INVALID_PARAM, f"the model has an output of {output.dtype}; it has to be of four bytes")
    count = min(outputs[0].shape[1], outputs[1].shape[1])
    corners = outputs[0].view(np.float32).reshape(-1, 4)[:count]
    scores = outputs[1].view(np.float32).reshape(-1, config.class_num)[:count]
    above = scores > np.array(config.thresholds, np.float32)
    above[:, :1] = False
    classes, rows = np.nonzero(above.T)
    confidences = scores[rows, classes]
    size = np.array([geometry.source_width, geometry.source_height] * 2, np.float32)
    x0, y0, x1, y1 = (corners[rows][:, [1, 0, 3, 2]] * size).T
    boxes = np.stack([(x0 + x1) / 2, (y0 + y1) / 2, np.abs(x1 - x0), np.abs(y1 - y0)], axis=1)

    def best_first(indices: np.ndarray) -> np.ndarray:
        rising = falling(-confidences[indices])  # the SDK sorts upwards and turns that round
        return indices[rising[::-1]]

    kept = suppress_centred(boxes, classes, best_first, padded_iou, config.iou_threshold, _MOST)
    centre, half = boxes[kept, :2], boxes[kept, 2:] / 2
    found = np.empty((len(kept), 6), np.float32)
    found[:, :2] = np.where(centre - half > _EPSILON, centre - half, 0)
    found[:, 2:4] = np.minimum(centre + half, size[:2])
    found[:, 4], found[:, 5] = confidences[kept], classes[kept]
    return found
