"""The AIPP file: what the chip does to pixels in front of the model.

Grammar and matrices: CANN ATC user guide, AIPP configuration. AIPP computes clamp((matrix * (pixel - bias)) >> 8) in
whole numbers, then multiplies by var_reci.
"""

from __future__ import annotations

from dataclasses import dataclass

_RECIPROCAL = "0.00392157"  # 1/255
_Matrix = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
_WIDE, _NARROW = (0, 128, 128), (16, 128, 128)
_BT601_WIDE: _Matrix = ((256, 0, 359), (256, -88, -183), (256, 454, 0))
_BT601_NARROW: _Matrix = ((298, 0, 409), (298, -100, -208), (298, 516, 0))
_BT709_WIDE: _Matrix = ((256, 0, 403), (256, -48, -120), (256, 475, 0))
_BT709_NARROW: _Matrix = ((298, 0, 459), (298, -55, -136), (298, 541, 0))


@dataclass(frozen=True)
class Source:
    """Where pixels come from: an AIPP input format, and how they become RGB (a matrix on Y, U, V, or a swap)."""

    meaning: str
    input_format: str
    matrix: _Matrix | None = None
    bias: tuple[int, int, int] = _WIDE
    swap: bool = False


SOURCES = {
    "jpeg": Source("images that JPEGD decodes", "YUV420SP_U8", _BT601_WIDE),
    "video-narrow": Source("video, BT.601, 16..235", "YUV420SP_U8", _BT601_NARROW, _NARROW),
    "video-wide": Source("video, BT.601, 0..255", "YUV420SP_U8", _BT601_WIDE),
    "video709-narrow": Source("HD video, BT.709, 16..235", "YUV420SP_U8", _BT709_NARROW, _NARROW),
    "video709-wide": Source("HD video, BT.709, 0..255", "YUV420SP_U8", _BT709_WIDE),
    "bgr": Source("images that OpenCV decodes", "RGB888_U8", swap=True),
    "rgb": Source("packed RGB images", "RGB888_U8"),
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
