"""The pixels of a resized picture: scaled to the chip's content size at the top left of a green canvas."""

from __future__ import annotations

import cv2
import numpy as np

from deploy.host.geometry import Placement, fit

# The canvas is zero in Y, U and V; the JPEG colour matrix makes that RGB (0, 135, 0), the same in BGR.
CANVAS = (0, 135, 0)


def letterbox(pixels: np.ndarray, net_width: int, net_height: int) -> tuple[np.ndarray, float]:
    """Resizer_KeepAspectRatio_Fit: uint8 [h, w, 3] to uint8 [net_height, net_width, 3], and keepAspectRatioScaling.

    Raises SdkFault 2002 for a picture that the chip cannot scale so far.
    """
    place = fit(pixels.shape[1], pixels.shape[0], net_width, net_height)
    return place_on_canvas(pixels, place, net_width, net_height), place.ratio


def place_on_canvas(pixels: np.ndarray, place: Placement, net_width: int, net_height: int) -> np.ndarray:
    """The picture scaled bilinearly (cv2.INTER_LINEAR) to `place` at the top left of the canvas, uint8 [h, w, 3]."""
    # a content size forced even may reach one pixel beyond a canvas of odd size
    width, height = min(place.width, net_width), min(place.height, net_height)
    if (width, height) != (pixels.shape[1], pixels.shape[0]):
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    if (width, height) != (net_width, net_height):
        right, bottom = net_width - width, net_height - height
        pixels = cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=CANVAS)
    return pixels
