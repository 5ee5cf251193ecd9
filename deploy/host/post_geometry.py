"""What post-processors know of a picture: how it became the network's input, and where it was cut out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deploy.host.frame import Frame, Objects, Picture
from deploy.postprocess.mapping import Geometry
from deploy.sdk_codes import OUT_OF_RANGE, SdkFault


def geometry_of(picture: Picture) -> Geometry:
    return Geometry(
        picture.width,
        picture.height,
        picture.source_width,
        picture.source_height,
        picture.resize_type,
        picture.ratio,
    )


def roi_of(frame: Frame, key: str, picture: Picture) -> np.ndarray:
    """The box (float32 [4], pixels) among the objects of element `key` that a picture was cut out of.

    Raises SdkFault 11003 or 11004 where there are no such objects, 1009 where the picture does not say which one.
    """
    objects: Objects = frame.objects(key)
    member = picture.headers[0].member_id if picture.headers else -1
    if not 0 <= member < len(objects.detections):
        raise SdkFault(OUT_OF_RANGE, f"no object of {key} belongs to the picture")
    return objects.detections[member, :4]


def in_roi(geometry: Geometry, roi: np.ndarray) -> Geometry:
    """The same with the box, its sides cut to whole pixels, in place of the original picture."""
    return replace(geometry, source_width=int(roi[2] - roi[0]), source_height=int(roi[3] - roi[1]))


def moved(rows: np.ndarray, x: float, y: float) -> np.ndarray:
    """Detections float32 [n, 6] moved by x and y pixels."""
    rows = rows.copy()
    rows[:, [0, 2]] += np.float32(x)
    rows[:, [1, 3]] += np.float32(y)
    return rows
