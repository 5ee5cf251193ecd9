"""The AIPP file: what the chip does to pixels in front of the model.

Grammar: CANN ATC user guide, AIPP configuration. After the colour matrix AIPP multiplies by var_reci.
"""

from __future__ import annotations

from dataclasses import dataclass

from deploy.aipp.formats import RGB, YUV420SP
from deploy.aipp.matrices import (
    BT601_FULL,
    BT601_VIDEO,
    BT709_FULL,
    BT709_VIDEO,
    FULL_RANGE_BIAS,
    VIDEO_RANGE_BIAS,
    Matrix,
    Row,
)

_RECIPROCAL = "0.00392157"  # 1/255


@dataclass(frozen=True)
class Source:
    """Where pixels come from: an AIPP input format, and how they become RGB (a matrix on Y, U, V, or a swap)."""

    meaning: str
    input_format: str
    matrix: Matrix | None = None
    bias: Row = FULL_RANGE_BIAS
    swap: bool = False


SOURCES = {
    "jpeg": Source("images that JPEGD decodes", YUV420SP, BT601_FULL),
    "video-narrow": Source("video, BT.601, 16..235", YUV420SP, BT601_VIDEO, VIDEO_RANGE_BIAS),
    "video-wide": Source("video, BT.601, 0..255", YUV420SP, BT601_FULL),
    "video709-narrow": Source("HD video, BT.709, 16..235", YUV420SP, BT709_VIDEO, VIDEO_RANGE_BIAS),
    "video709-wide": Source("HD video, BT.709, 0..255", YUV420SP, BT709_FULL),
    "bgr": Source("images that OpenCV decodes", RGB, swap=True),
    "rgb": Source("packed RGB images", RGB),
}
"""The colour sources that build.sh knows. JPEGD gives full-range BT.601, hence the same matrix as video-wide."""


def aipp_text(height: int, width: int, source: str = "jpeg") -> str:
    """Static AIPP for images of height x width pixels (both even) to an RGB model with inputs in 0..1.

    `source` is a key of SOURCES.
    """
    kind = SOURCES[source]
    lines = [
        "aipp_op {",
        "    aipp_mode: static",
        "    related_input_rank: 0",
        f"    input_format: {kind.input_format}",
        f"    src_image_size_w: {width}",
        f"    src_image_size_h: {height}",
        "    crop: false",
        f"    csc_switch: {'true' if kind.matrix else 'false'}",
        f"    rbuv_swap_switch: {'true' if kind.swap else 'false'}",
    ]
    if kind.matrix:
        lines += [f"    matrix_r{r}c{c}: {value}" for r, row in enumerate(kind.matrix) for c, value in enumerate(row)]
        lines += [f"    input_bias_{i}: {bias}" for i, bias in enumerate(kind.bias)]
    lines += [f"    min_chn_{i}: 0.0" for i in range(3)]
    lines += [f"    var_reci_chn_{i}: {_RECIPROCAL}" for i in range(3)]
    return "\n".join([*lines, "}", ""])
