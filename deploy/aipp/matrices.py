"""The colour matrices of AIPP: three rows, for R, G and B, over Y, U and V, in 1/256.

AIPP computes R = clamp((r0 * (Y - bias0) + r1 * (U - bias1) + r2 * (V - bias2)) >> 8) in whole numbers.
Source: CANN's ATC user guide, AIPP configuration; the numbers are ITU-R BT.601 and BT.709, times 256 and rounded.
"""

from __future__ import annotations

Row = tuple[int, int, int]
Matrix = tuple[Row, Row, Row]

FULL_RANGE_BIAS: Row = (0, 128, 128)
"""Y is 0 to 255, as in a JPEG image."""
VIDEO_RANGE_BIAS: Row = (16, 128, 128)
"""Y is 16 to 235, as in most video."""

BT601_FULL: Matrix = ((256, 0, 359), (256, -88, -183), (256, 454, 0))
"""JPEG images (JFIF)."""
BT601_VIDEO: Matrix = ((298, 0, 409), (298, -100, -208), (298, 516, 0))
BT709_FULL: Matrix = ((256, 0, 403), (256, -48, -120), (256, 475, 0))
BT709_VIDEO: Matrix = ((298, 0, 459), (298, -55, -136), (298, 541, 0))


def to_bgr(matrix: Matrix) -> Matrix:
    """The matrix that gives B, G, R where `matrix` gives R, G, B."""
    red, green, blue = matrix
    return blue, green, red


ATC_DEFAULT = to_bgr(BT601_VIDEO)
"""What ATC fills in where a file sets no matrix; its bias is VIDEO_RANGE_BIAS."""
