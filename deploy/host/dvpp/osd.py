"""What mxpi_opencvosd draws: a MxpiOsdInstances message into a BGR image, with OpenCV as on the board.

The kinds are drawn in the order in which the SDK hands them to the chip's operator: rectangles, texts, circles, lines.
That the operator draws them in that order is inferred; it lets a text lie on its background.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from deploy.sdk_codes import FAILURE, INVALID_PARAM, SdkFault

FONTS = (0, 1, 2, 3, 4, 5, 6, 7, 16)
_LINE_TYPES = (0, 4, 8, 16)  # 0 is OpenCV's default, 8
_MOST_THICKNESS = 32767
_MOST_SHIFT = 16


def draw(pixels: np.ndarray, instances: Any) -> None:
    """Draw into uint8 [h, w, 3] BGR. Raises SdkFault 1004 for what the SDK refuses, 1001 for what OpenCV does."""
    kinds = (
        (instances.osdRectVec, _rectangle),
        (instances.osdTextVec, _text),
        (instances.osdCircleVec, _circle),
        (instances.osdLineVec, _line),
    )
    for entries, draw_one in kinds:
        for entry in entries:
            try:
                draw_one(pixels, entry)
            except cv2.error as error:
                raise SdkFault(FAILURE, f"OpenCV cannot draw {type(entry).__name__}: {error.err}") from None


def _rectangle(pixels: np.ndarray, entry: Any) -> None:
    colour, thickness, line, shift = _params(entry.osdParams)
    corners = [(entry.x0, entry.y0), (entry.x1, entry.y1)]
    if thickness < 0:  # OpenCV would walk through all rows, also those far outside
        height, width = pixels.shape[:2]
        corners = [(_near(x, width, shift), _near(y, height, shift)) for x, y in corners]
    cv2.rectangle(pixels, corners[0], corners[1], colour, thickness, line, shift)


def _near(coordinate: int, side: int, shift: int) -> int:
    """The coordinate, or one just outside the image in its place."""
    return max(-2 << shift, min(coordinate, side + 2 << shift))


def _text(pixels: np.ndarray, entry: Any) -> None:
    colour, thickness, line, _ = _params(entry.osdParams, shifts=False)
    if entry.fontFace not in FONTS:
        raise SdkFault(INVALID_PARAM, f"fontFace is {entry.fontFace}; OpenCV's fonts are 0 to 7 and 16")
    if thickness < 0:
        raise SdkFault(INVALID_PARAM, f"the thickness of a text is {thickness}; it cannot be negative")
    cv2.putText(
        pixels,
        entry.text,
        (entry.x0, entry.y0),
        entry.fontFace,
        entry.fontScale,
        colour,
        thickness,
        line,
        entry.bottomLeftOrigin,
    )


def _circle(pixels: np.ndarray, entry: Any) -> None:
    colour, thickness, line, shift = _params(entry.osdParams)
    cv2.circle(pixels, (entry.x0, entry.y0), entry.radius, colour, thickness, line, shift)


def _line(pixels: np.ndarray, entry: Any) -> None:
    colour, thickness, line, shift = _params(entry.osdParams)
    cv2.line(pixels, (entry.x0, entry.y0), (entry.x1, entry.y1), colour, thickness, line, shift)


def _params(params: Any, shifts: bool = True) -> tuple[tuple[int, int, int], int, int, int]:
    """(B, G, R), thickness, OpenCV's line type and shift."""
    colour = params.scalorB, params.scalorG, params.scalorR
    if max(colour) > 255:
        raise SdkFault(INVALID_PARAM, f"a colour is B {colour[0]}, G {colour[1]}, R {colour[2]}; each is 0 to 255")
    if params.lineType not in _LINE_TYPES:
        raise SdkFault(INVALID_PARAM, f"lineType is {params.lineType}; it is 0, 4, 8 or 16")
    if params.thickness > _MOST_THICKNESS:
        raise SdkFault(INVALID_PARAM, f"thickness is {params.thickness}; it is at most {_MOST_THICKNESS}")
    if shifts and not 0 <= params.shift <= _MOST_SHIFT:
        raise SdkFault(INVALID_PARAM, f"shift is {params.shift}; it is 0 to {_MOST_SHIFT}")
    return colour, params.thickness, params.lineType or cv2.LINE_8, params.shift
