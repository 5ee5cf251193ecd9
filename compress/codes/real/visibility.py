"""What of a symbol can be seen, and from that its box and its flags, as VOC has them.

The meaning of the flags: "The PASCAL VOC Challenge 2007 Annotation Guidelines"
(http://host.robots.ox.ac.uk/pascal/VOC/voc2007/guidelines.html). The box reaches around what can be seen of an object.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from compress.codes.quads import cut_off, frame, inside, thickness, tight_box
from compress.codes.real.canvas import Canvas
from compress.codes.voc_files import Box, VocObject

# `difficult` is 1 where any of the three falls below this.
DIFFICULT_SHARE = 0.4
DIFFICULT_SIDE = 8.0
DIFFICULT_CONTRAST = 16.0
# Contrast counts in grey values, and this many times the noise.
DIFFICULT_OVER_NOISE = 2.0
# Covered by this share or more: `occluded`.
OCCLUDED_SHARE = 0.05
# The box has lost this share of a side or more, or a corner lies outside the image: `truncated`.
TRUNCATED_SIDE = 0.15
# Of what shows less than this, nobody could say what it is: it is left out.
UNSEEN_SHARE = 0.05
UNSEEN_SIDE = 2


@dataclass(frozen=True)
class View:
    """How well a symbol is seen.

    `share`: how much of its area is in the image and not covered, 0..1. `covered`: how much of what is in the image
    is covered, 0..1. `side`: how far its long sides are apart, in pixels. `contrast`: grey values between its dark and
    its light modules as the image shows them; a blur that merges the modules takes it away. `noise`: standard
    deviation in grey values.
    """

    share: float
    covered: float
    side: float
    contrast: float
    noise: float

    @property
    def difficult(self) -> bool:
        """Whether the symbol is hardly visible: little of it, few pixels of it, or little contrast in it."""
        return (
            self.share < DIFFICULT_SHARE
            or self.side < DIFFICULT_SIDE
            or self.contrast < max(DIFFICULT_CONTRAST, DIFFICULT_OVER_NOISE * self.noise)
        )


def judge(canvas: Canvas, grey: np.ndarray, noise: float) -> list[VocObject]:
    """The annotated symbols of an image, whose noiseless grey values are `grey` (uint8 [H, W])."""
    found = []
    for number in range(1, len(canvas.marks) + 1):
        seen = _look(canvas, grey, noise, number)
        if seen:
            found.append(seen)
    return found


def contrast(grey: np.ndarray, mask: np.ndarray) -> float:
    """Grey values between dark and light within `mask` (uint8 [h, w]): twice the standard deviation.

    That is their distance where half of the area is dark and half light.
    """
    return 2 * float(cv2.meanStdDev(grey, mask=mask)[1][0, 0])


def _look(canvas: Canvas, grey: np.ndarray, noise: float, number: int) -> VocObject | None:
    mark = canvas.marks[number - 1]
    width, height = canvas.size
    x, y, mask = canvas.seen(number)
    shown = int(np.count_nonzero(mask))
    if not shown:
        return None
    covered = 1 - shown / mark.pixels
    share = inside(frame(width, height), mark.corners) * (1 - covered)
    whole = tight_box(mark.corners, width, height)
    box = _visible_box(whole, x, y, mask) if covered else whole
    if share < UNSEEN_SHARE or min(box[2] - box[0], box[3] - box[1]) < UNSEEN_SIDE:
        return None
    rows, columns = mask.shape
    strength = contrast(grey[y : y + rows, x : x + columns], mask.astype(np.uint8))
    view = View(share, covered, thickness(mark.corners), strength, noise)
    kept = min((box[2] - box[0]) / (whole[2] - whole[0]), (box[3] - box[1]) / (whole[3] - whole[1]))
    return VocObject(
        mark.symbol.name,
        box,
        truncated=cut_off(mark.corners, width, height) or kept <= 1 - TRUNCATED_SIDE,
        occluded=covered >= OCCLUDED_SHARE,
        difficult=view.difficult,
    )


def _visible_box(whole: Box, x: int, y: int, mask: np.ndarray) -> Box:
    """The box around the pixels of `mask` (its corner at x, y), nowhere larger than the box of the whole symbol."""
    left, top, columns, rows = cv2.boundingRect(mask.astype(np.uint8))
    return (
        max(whole[0], x + left),
        max(whole[1], y + top),
        min(whole[2], x + left + columns),
        min(whole[3], y + top + rows),
    )
