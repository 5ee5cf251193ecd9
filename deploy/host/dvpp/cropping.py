"""Which part of an image mxpi_imagecrop cuts out for an object, and how that part is placed. Pixels of NV12 and BGR.

Source: MxpiImageCrop.cpp and DvppWrapperBase.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from deploy.host.dvpp.geometry import Placement, fast_rcnn_size, fit_sizes, odd, up
from deploy.host.dvpp.limits import check_fits, check_paste, check_resize
from deploy.host.metadata.values import NV12, Image
from deploy.postprocess.key_values import float32
from deploy.postprocess.resize_types import FAST_RCNN, FIT, ONLY_PADDING, STRETCH
from deploy.sdk_codes import INVALID_PARAM, SdkFault

_UINT32 = 2**32 - 1


class Cut(NamedTuple):
    """A box in whole pixels; `x1` and `y1` lie behind it, but the chip takes them in where they are odd."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def size(self) -> tuple[int, int]:
        return self.x1 - self.x0, self.y1 - self.y0


@dataclass(frozen=True)
class Expansion:
    """By which part of its width or height a box grows on each side."""

    left: float = 0.0
    right: float = 0.0
    up: float = 0.0
    down: float = 0.0


def cut_of(box: np.ndarray, expansion: Expansion, width: int, height: int) -> Cut:
    """The part of an image of `width` x `height` for a box (x0 y0 x1 y1), grown and kept inside the image."""
    x0, y0, x1, y1 = (min(max(int(side), 0), _UINT32) for side in box)
    across, down = x1 - x0, y1 - y0
    left, top = (float32(size * ratio) for size, ratio in ((across, expansion.left), (down, expansion.up)))
    return Cut(
        int(float32(x0 - left)) if x0 > left else 0,
        int(float32(y0 - top)) if y0 > top else 0,
        min(int(float32(x1 + float32(across * expansion.right))), width),
        min(int(float32(y1 + float32(down * expansion.down))), height),
    )


@dataclass(frozen=True)
class CropPlacing:
    """What becomes of a part on the chip: `kind` is an index into RESIZE_TYPES; a net size of 0 leaves it as it is."""

    kind: int
    net_width: int
    net_height: int
    around: bool = False
    min_dimension: int = 224
    max_dimension: int = 224

    def place(self, cut: Cut) -> Placement:
        """Raises SdkFault 2002 or 1003 as Resizing.place does, 1004 for a type that cropping does not have."""
        inside = on_chip(cut)
        across, down = inside.x1 - inside.x0, inside.y1 - inside.y0
        width, height = cut.size
        net = self.net_width, self.net_height
        if not (self.net_width and self.net_height):
            return Placement(across, down, 0, 0, across, down, across, down, 0.0)
        if self.kind == STRETCH:
            check_resize(across, down, *net)
            return Placement(*net, 0, 0, *net, across, down, 0.0)
        canvas = net
        if self.kind == FIT:
            _, paste, ratio = fit_sizes(width, height, *net)
        elif self.kind == FAST_RCNN:
            side = up(self.max_dimension, 16)
            canvas = side, side
            paste_width, paste_height, ratio = fast_rcnn_size(width, height, self.min_dimension, self.max_dimension)
            paste = paste_width, paste_height
        elif self.kind == ONLY_PADDING:
            paste, ratio = (width, height), 1.0
        else:
            raise SdkFault(INVALID_PARAM, "on the chip, mxpi_imagecrop knows Stretch, FastRCNN, Fit and OnlyPadding")
        x0, y0 = ((net[0] - paste[0]) // 2, (net[1] - paste[1]) // 2) if self.around else (0, 0)
        check_fits(max(x0, 0), max(y0, 0), x0 + paste[0], y0 + paste[1], *net)
        left, top = up(x0, 16), y0 - y0 % 2
        out = odd(x0 + paste[0]) - left + 1, odd(y0 + paste[1]) - top + 1
        check_paste(across, down, *out)
        return Placement(*canvas, left, top, *out, across, down, ratio)


def on_chip(cut: Cut) -> Cut:
    """The part with even near edges and odd, inclusive far edges, as VPC wants them; x1 and y1 lie behind it."""
    return Cut(cut.x0 - cut.x0 % 2, cut.y0 - cut.y0 % 2, odd(cut.x1) + 1, odd(cut.y1) + 1)


def pixels_of(image: Image, cut: Cut) -> np.ndarray:
    """The part's pixels in the image's own format. What lies one column or row beyond the image is repeated."""
    pixels = image.pixels
    if image.format != NV12:
        part = pixels[cut.y0 : cut.y1, cut.x0 : cut.x1]
        below, right = cut.y1 - cut.y0 - part.shape[0], cut.x1 - cut.x0 - part.shape[1]
        if below or right:
            part = cv2.copyMakeBorder(part, 0, below, 0, right, cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(part)
    rows = len(pixels) * 2 // 3
    luma = pixels[cut.y0 : cut.y1, cut.x0 : cut.x1]
    chroma = pixels[rows + cut.y0 // 2 : rows + cut.y1 // 2, cut.x0 : cut.x1]
    return np.concatenate([luma, chroma])
