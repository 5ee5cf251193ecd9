"""Where the pixels of an image end up on its canvas: the SDK's arithmetic on the ascend way. No pixels here.

Source: MxpiImageResize.cpp and DvppWrapperBase.cpp. Unsigned 32-bit integers wrap as they do there.
"""

from __future__ import annotations

from dataclasses import dataclass

from deploy.host.dvpp.limits import check_fits, check_net_size, check_paste, check_resize
from deploy.host.numerics import ASCEND_310, ASCEND_310P
from deploy.postprocess.key_values import float32
from deploy.postprocess.resize_types import FAST_RCNN, FIT, ONLY_PADDING

_UINT32 = 2**32
_LEFT_STEP, _TOP_STEP, _STRIDE = 16, 2, 16


@dataclass(frozen=True)
class Placement:
    """An image on its canvas of `canvas_width` x `canvas_height`; all in pixels.

    Of the image, or of the intermediate that it is resized to first (`inter_width` x `inter_height`; 0: none), the
    `crop_width` x `crop_height` at the top left is scaled to `width` x `height` at (`left`, `top`). A crop that is one
    larger than an image of odd size takes in a column or row of the decoder's padding. `ratio` is
    keepAspectRatioScaling, the scale by which boxes are mapped back (0 for a stretched image).
    """

    canvas_width: int
    canvas_height: int
    left: int
    top: int
    width: int
    height: int
    crop_width: int
    crop_height: int
    ratio: float
    inter_width: int = 0
    inter_height: int = 0


@dataclass(frozen=True)
class Resizing:
    """What mxpi_imageresize is asked for: `kind` is an index into RESIZE_TYPES, sizes are in pixels."""

    kind: int
    net_width: int
    net_height: int
    around: bool = False
    min_dimension: int = 224
    max_dimension: int = 224
    chip: str = ASCEND_310

    def place(self, width: int, height: int) -> Placement:
        """Where an image of that size goes.

        Raises SdkFault 2020/2021 for an output size that VPC cannot write, 2002 for an image that it cannot scale so
        far, 1003 for one that is larger than its canvas.
        """
        check_net_size(self.net_width, self.net_height)
        if self.kind == FIT:
            return self._fit(width, height)
        if self.kind == FAST_RCNN:
            side = up(self.max_dimension, _STRIDE)
            paste_width, paste_height, ratio = fast_rcnn_size(width, height, self.min_dimension, self.max_dimension)
            return self._pasted(width, height, paste_width, paste_height, ratio, (side, side))
        if self.kind == ONLY_PADDING:
            return self._pasted(width, height, width, height, 1.0, (self.net_width, self.net_height))
        check_resize(width, height, self.net_width, self.net_height)
        return Placement(
            self.net_width, self.net_height, 0, 0, self.net_width, self.net_height, width, height, 0.0
        )  # fmt: skip

    def _fit(self, width: int, height: int) -> Placement:
        (inter_width, inter_height), (paste_width, paste_height), ratio = fit_sizes(
            width, height, self.net_width, self.net_height
        )
        canvas = self.net_width, self.net_height
        if self.chip == ASCEND_310P:
            return self._pasted(width, height, paste_width, paste_height, ratio, canvas)
        check_resize(width, height, inter_width, inter_height)
        return self._pasted(inter_width, inter_height, paste_width, paste_height, ratio, canvas, intermediate=True)

    def _pasted(
        self,
        width: int,
        height: int,
        paste_width: int,
        paste_height: int,
        ratio: float,
        canvas: tuple[int, int],
        intermediate: bool = False,
    ) -> Placement:
        """One crop-and-paste of a whole image. VPC wants the far edges, which are inclusive, odd."""
        x0 = y0 = 0
        x1, y1 = paste_width, paste_height
        if self.around:
            x0, x1 = _centred(self.net_width, paste_width, _LEFT_STEP)
            y0, y1 = _centred(self.net_height, paste_height, _TOP_STEP)
        check_fits(x0, y0, x1, y1, self.net_width, self.net_height)
        right, bottom = odd(x1), odd(y1)
        out_width, out_height = right - x0 + 1, bottom - y0 + 1
        check_paste(width, height, out_width, out_height)
        inter = (width, height) if intermediate else (0, 0)
        return Placement(*canvas, x0, y0, out_width, out_height, up(width, 2), up(height, 2), ratio, *inter)


def fit_sizes(
    width: int, height: int, net_width: int, net_height: int
) -> tuple[tuple[int, int], tuple[int, int], float]:
    """Resizer_KeepAspectRatio_Fit: (width, height) of the intermediate and of the pasted area, and the ratio.

    The intermediate is rounded, then forced even; the pasted area is rounded down, and even only when it is pasted.
    """
    if net_height * width > height * net_width:
        inter = net_width, _round_half_up(height * net_width, width)
        paste = net_width, height * net_width // width
        ratio = float32(net_width / width)
    else:
        inter = _round_half_up(width * net_height, height), net_height
        paste = width * net_height // height, net_height
        ratio = float32(net_height / height)
    return (up(inter[0], 2), up(inter[1], 2)), paste, ratio


def fast_rcnn_size(width: int, height: int, low: int, high: int) -> tuple[int, int, float]:
    """Resizer_KeepAspectRatio_FastRCNN: the shorter side becomes `low`, unless the longer one passes `high` then."""
    longer, shorter = max(width, height), min(width, height)
    if low * longer > high * shorter:
        numerator, denominator = high, longer
    else:
        numerator, denominator = low, shorter
    ratio = float32(numerator / denominator)
    return width * numerator // denominator, height * numerator // denominator, ratio


def _centred(net: int, size: int, step: int) -> tuple[int, int]:
    """Both ends of a side in the middle; where the image is larger, the wrapped numbers that the SDK prints."""
    start = int(float32(float32((net - size) % _UINT32) / 2)) // step * step
    return start, (start + size) % _UINT32


def odd(value: int) -> int:
    """The value, one less where it is even: how the SDK makes a far edge inclusive."""
    return value - (value % 2 == 0)


def up(value: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-value // step) * step


def _round_half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
