"""What is drawn where, and what is refused as the SDK refuses it."""

import time

import numpy as np
import pytest

from deploy.host.dvpp.osd import draw
from deploy.sdk_codes import SdkFault

osd = pytest.importorskip("deploy.host.proto.MxpiOSDType_pb2", reason="what is drawn comes as messages")

RED = {"scalorR": 200, "lineType": 8, "thickness": 1}


def drawn(**kinds):
    instances = osd.MxpiOsdInstances(**{f"osd{kind}Vec": entries for kind, entries in kinds.items()})
    pixels = np.zeros((64, 64, 3), np.uint8)
    draw(pixels, instances)
    return pixels


@pytest.mark.parametrize(
    ("kinds", "on", "off"),
    [
        pytest.param({"Rect": [{"x0": 8, "y0": 8, "x1": 40, "y1": 30, "osdParams": RED}]}, (8, 20), (20, 20), id="box"),
        pytest.param(
            {"Rect": [{"x0": 8, "y0": 8, "x1": 40, "y1": 30, "osdParams": {**RED, "thickness": -1}}]},
            (20, 20),
            (31, 20),
            id="a negative thickness fills",
        ),
        pytest.param(
            {"Rect": [{"x0": 16, "y0": 16, "x1": 80, "y1": 60, "osdParams": {**RED, "shift": 1}}]},
            (8, 20),
            (16, 20),
            id="shift counts fractional bits",
        ),
        pytest.param(
            {"Rect": [{"x0": 8, "y0": 8, "x1": 40, "y1": 30, "osdParams": {**RED, "lineType": 0}}]},
            (8, 20),
            (20, 20),
            id="no line type is OpenCV's",
        ),
        pytest.param(
            {"Circle": [{"x0": 32, "y0": 32, "radius": 10, "osdParams": RED}]}, (42, 32), (32, 32), id="circle"
        ),
        pytest.param({"Line": [{"x0": 0, "y0": 5, "x1": 63, "y1": 5, "osdParams": RED}]}, (5, 30), (6, 30), id="line"),
        pytest.param(
            {"Line": [{"x0": -(2**31), "y0": 5, "x1": 2**31 - 1, "y1": 5, "osdParams": RED}]},
            (5, 30),
            (6, 30),
            id="beyond the image",
        ),
    ],
)
def test_shapes(kinds, on, off):
    pixels = drawn(**kinds)
    assert tuple(pixels[on]) == (0, 0, 200)
    assert not pixels[off].any()


@pytest.mark.parametrize("shift", [0, 3])
def test_a_filled_rectangle_far_beyond_the_image_takes_no_time(shift):
    begin = time.monotonic()
    far = {"x0": -(2**31), "y0": 20 << shift, "x1": 2**31 - 1, "y1": 2**31 - 1}
    pixels = drawn(Rect=[{**far, "osdParams": {**RED, "thickness": -1, "shift": shift}}])
    assert (pixels[20:, :, 2] == 200).all() and not pixels[:20].any()
    assert time.monotonic() - begin < 2  # 10 s if OpenCV walks all the way


def test_a_text_lies_on_its_background():
    params = {**RED, "thickness": -1}
    box = {"x0": 0, "y0": 0, "x1": 63, "y1": 63, "osdParams": params}
    text = {"text": "M", "x0": 10, "y0": 50, "fontScale": 1.5, "osdParams": {"thickness": 3, "lineType": 8}}
    pixels = drawn(Rect=[box], Text=[text])
    assert not pixels[20:50, 10:45].all(axis=-1).any() and (pixels[:, :, 2] == 0).sum() > 50
    assert tuple(pixels[0, 0]) == (0, 0, 200)
    upside_down = drawn(Rect=[box], Text=[{**text, "y0": 10, "bottomLeftOrigin": True}])
    assert (upside_down[:, :, 2] == 0).sum() > 50


@pytest.mark.parametrize(
    ("kinds", "code", "word"),
    [
        pytest.param({"Rect": [{"osdParams": {"scalorB": 256}}]}, 1004, "B 256", id="colour"),
        pytest.param({"Line": [{"osdParams": {"lineType": 3}}]}, 1004, "lineType is 3", id="line type"),
        pytest.param({"Circle": [{"osdParams": {"thickness": 40000}}]}, 1004, "thickness is 40000", id="thickness"),
        pytest.param({"Rect": [{"osdParams": {"shift": 17}}]}, 1004, "shift is 17", id="shift"),
        pytest.param({"Text": [{"fontFace": 9}]}, 1004, "fontFace is 9", id="font"),
        pytest.param({"Text": [{"osdParams": {"thickness": -1}}]}, 1004, "cannot be negative", id="a filled text"),
        pytest.param({"Circle": [{"radius": -5, "osdParams": RED}]}, 1001, "cannot draw MxpiOsdCircle", id="OpenCV's"),
    ],
)
def test_refused(kinds, code, word):
    with pytest.raises(SdkFault, match=word) as raised:
        drawn(**kinds)
    assert raised.value.code == code
