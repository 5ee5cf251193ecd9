"""The AIPP file: what the chip does to pixels in front of the model.

Grammar and matrices: CANN ATC user guide, AIPP configuration. JPEGD gives full-range NV12, hence the JPEG matrix.
"""

from __future__ import annotations

_JPEG_TO_RGB = ((256, 0, 359), (256, -88, -183), (256, 454, 0))
_RECIPROCAL = "0.00392157"  # 1/255


def aipp_text(height: int, width: int) -> str:
    """Static AIPP for NV12 of height x width pixels (both even) to an RGB model with inputs in 0..1."""
    lines = [
        "aipp_op {",
        "    aipp_mode: static",
        "    related_input_rank: 0",
        "    input_format: YUV420SP_U8",
        f"    src_image_size_w: {width}",
        f"    src_image_size_h: {height}",
        "    crop: false",
        "    csc_switch: true",
        "    rbuv_swap_switch: false",
    ]
    lines += [f"    matrix_r{r}c{c}: {value}" for r, row in enumerate(_JPEG_TO_RGB) for c, value in enumerate(row)]
    lines += [f"    input_bias_{i}: {bias}" for i, bias in enumerate((0, 128, 128))]
    lines += [f"    min_chn_{i}: 0.0" for i in range(3)]
    lines += [f"    var_reci_chn_{i}: {_RECIPROCAL}" for i in range(3)]
    return "\n".join([*lines, "}", ""])
