"""What post-processors know of an image: how it became the network's input, and where it was cut out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Image, Objects
from deploy.postprocess.mapping import Geometry
from deploy.sdk_codes import OUT_OF_RANGE, SdkFault


def geometry_of(image: Image) -> Geometry:
    return Geometry(
        image.width,
        image.height,
        image.source_width,
        image.source_height,
        image.resize_type,
        image.ratio,
    )


def roi_of(frame: Frame, key: str, image: Image) -> np.ndarray:
    """The box (float32 [4], pixels) among the objects of element `key` that an image was cut out of.

    Raises SdkFault 11003 or 11004 where there are no such objects, 1009 where the image does not say which one.
    """
    objects: Objects = frame.objects(key)
    member = image.headers[0].member_id if image.headers else -1
    if not 0 <= member < len(objects.detections):
        raise SdkFault(OUT_OF_RANGE, f"no object of {key} belongs to the image")
    return objects.detections[member, :4]


def in_roi(geometry: Geometry, roi: np.ndarray) -> Geometry:
    """The same with the box, its sides cut to whole pixels, in place of the original image."""
    return replace(geometry, source_width=int(roi[2] - roi[0]), source_height=int(roi[3] - roi[1]))


def moved(rows: np.ndarray, x: float, y: float) -> np.ndarray:
    """Detections float32 [n, 6] moved by x and y pixels."""
    rows = rows.copy()
    rows[:, [0, 2]] += np.float32(x)
    rows[:, [1, 3]] += np.float32(y)
    return rows
