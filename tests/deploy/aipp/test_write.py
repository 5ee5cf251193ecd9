"""The AIPP file: exact keys, and colours that match what JPEG images hold."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.aipp.read import parse_aipp
from deploy.aipp.write import SOURCES, aipp_text


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


@pytest.mark.parametrize(
    ("source", "yuv", "rgb"),
    [
        pytest.param("video-narrow", (16, 128, 128), (0, 0, 0), id="16 is black in narrow range"),
        pytest.param("video-narrow", (235, 128, 128), (255, 255, 255), id="235 is white"),
        pytest.param("video-narrow", (81, 90, 240), (255, 0, 0), id="BT.601 red"),
        pytest.param("video-wide", (76, 85, 255), (254, 0, 0), id="full-range red"),
        pytest.param("video709-narrow", (63, 102, 240), (255, 0, 0), id="BT.709 red"),
        pytest.param("video709-wide", (54, 99, 255), (255, 0, 0), id="full-range BT.709 red"),
        pytest.param("video709-wide", (18, 255, 116), (0, 0, 255), id="full-range BT.709 blue"),
    ],
)
def test_colours_of_video(source: str, yuv: tuple[int, int, int], rgb: tuple[int, int, int]) -> None:
    found = entries(aipp_text(64, 64, source))
    matrix = np.array([[int(found[f"matrix_r{r}c{c}"]) for c in range(3)] for r in range(3)])
    bias = np.array([int(found[f"input_bias_{i}"]) for i in range(3)])
    np.testing.assert_allclose(np.clip((matrix @ (np.array(yuv) - bias)) >> 8, 0, 255), rgb, atol=3)


@pytest.mark.parametrize(("source", "swap"), [("bgr", "true"), ("rgb", "false")])
def test_packed_images(source: str, swap: str) -> None:
    found = entries(aipp_text(64, 96, source))
    assert (found["input_format"], found["csc_switch"], found["rbuv_swap_switch"]) == ("RGB888_U8", "false", swap)
    assert not any(key.startswith(("matrix", "input_bias")) for key in found)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_is_read_by_the_aipp_reader(source: str) -> None:
    assert parse_aipp(aipp_text(64, 96, source), source)["src_image_size_w"] == 96


def test_scale_is_a_255th_in_half_precision() -> None:
    scale = np.float16(float(entries(aipp_text(64, 64))["var_reci_chn_0"]))
    assert scale == np.float16(1 / 255)
