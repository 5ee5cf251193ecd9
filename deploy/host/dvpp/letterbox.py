"""The letterbox of float numerics, for code that feeds a model outside a stream (validation during training)."""

from __future__ import annotations

import numpy as np

from deploy.host.dvpp.geometry import Resizing
from deploy.host.dvpp.vpc import ZERO_RGB, paste_bgr
from deploy.host.numerics import ONCE
from deploy.postprocess.resize_types import FIT


def letterbox(pixels: np.ndarray, net_width: int, net_height: int) -> tuple[np.ndarray, float]:
    """Resizer_KeepAspectRatio_Fit: uint8 [h, w, 3] to uint8 [net_height, net_width, 3], and keepAspectRatioScaling.

    Raises SdkFault 2002 for an image that the chip cannot scale so far.
    """
    place = Resizing(FIT, net_width, net_height).place(pixels.shape[1], pixels.shape[0])
    return paste_bgr(pixels, place, ONCE, 0, ZERO_RGB), place.ratio
