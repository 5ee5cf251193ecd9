"""Rounding of channel counts to whole blocks of 8 or 16 channels, in which the NPU computes."""

from __future__ import annotations

import numpy as np


def aligned_width(width: int, align: int) -> int:
    """The largest multiple of `align` within a width; a width below one block stays as it is."""
    return width if width < align else width - width % align


def nearest_width(width: int, share: float, align: int) -> int:
    """The multiple of `align` nearest to that share of the width, at least one block; half a block counts as one."""
    if width < align:
        return width
    return int(min(max(np.floor(width * share / align + 0.5), 1) * align, aligned_width(width, align)))


def aligned_up(count: float, align: int) -> int:
    """The smallest multiple of `align` that is not below a count of channels; 0 for none."""
    return int(np.ceil(np.round(count / align, 9))) * align
