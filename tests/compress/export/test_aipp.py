"""The AIPP file: exact keys, and colours that match what JPEG pictures hold."""

from __future__ import annotations

import numpy as np
import pytest

from compress.export.aipp import aipp_text


def entries(text: str) -> dict[str, str]:
    """The keys of the one aipp_op block; a key given twice is an error to ATC."""
    lines = text.splitlines()
    assert lines[0] == "aipp_op {" and lines[-1] == "}"
    pairs = [tuple(line.strip().split(": ")) for line in lines[1:-1]]
    assert len(dict(pairs)) == len(pairs), "a key is given twice"
    return dict(pairs)


def test_exact_keys() -> None:
    matrix = (256, 0, 359, 256, -88, -183, 256, 454, 0)
    assert entries(aipp_text(384, 640)) == {
        "aipp_mode": "static",
        "related_input_rank": "0",
        "input_format": "YUV420SP_U8",
        "src_image_size_w": "640",
        "src_image_size_h": "384",
        "crop": "false",
        "csc_switch": "true",
        "rbuv_swap_switch": "false",
        **{f"matrix_r{i // 3}c{i % 3}": str(value) for i, value in enumerate(matrix)},
        "input_bias_0": "0",
        "input_bias_1": "128",
        "input_bias_2": "128",
        **{f"min_chn_{i}": "0.0" for i in range(3)},
        **{f"var_reci_chn_{i}": "0.00392157" for i in range(3)},
    }


@pytest.mark.parametrize(
    ("yuv", "rgb"),
    [
        pytest.param((255, 128, 128), (255, 255, 255), id="white: full range, no 16..235"),
        pytest.param((0, 128, 128), (0, 0, 0), id="black"),
        pytest.param((76, 85, 255), (254, 0, 0), id="red comes first: the model wants RGB"),
        pytest.param((29, 255, 107), (0, 0, 254), id="blue comes last"),
        pytest.param((0, 0, 0), (0, 135, 0), id="the letterbox's zero filling is green"),
    ],
)
def test_colours(yuv: tuple[int, int, int], rgb: tuple[int, int, int]) -> None:
    """out = clamp((matrix * (yuv - bias)) >> 8), as the AIPP documentation has it."""
    found = entries(aipp_text(64, 64))
    matrix = np.array([[int(found[f"matrix_r{r}c{c}"]) for c in range(3)] for r in range(3)])
    bias = np.array([int(found[f"input_bias_{i}"]) for i in range(3)])
    out = np.clip((matrix @ (np.array(yuv) - bias)) >> 8, 0, 255)
    np.testing.assert_allclose(out, rgb, atol=1)


def test_scale_is_a_255th_in_half_precision() -> None:
    scale = np.float16(float(entries(aipp_text(64, 64))["var_reci_chn_0"]))
    assert scale == np.float16(1 / 255)
