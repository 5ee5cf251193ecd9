"""AIPP in float numerics: close to the integers, without their rounding."""

import dataclasses

import cv2
import numpy as np
import pytest

from deploy.aipp.formats import RGB, YUV420SP
from deploy.aipp.rule import AippRule, Box
from deploy.host.model.aipp_float import FloatAipp

JPEG_RGB = ((256, 0, 359), (256, -88, -183), (256, 454, 0))
NARROW_RGB = ((298, 0, 409), (298, -100, -208), (298, 516, 0))
TO_YUV = ((77, 150, 29), (-43, -85, 128), (128, -107, -21))
YUV = AippRule(YUV420SP, 24, 16, matrix=JPEG_RGB, input_bias=(0, 128, 128))
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)  # BGR
YCC = cv2.cvtColor(PIXELS, cv2.COLOR_BGR2YCrCb)[:, :, [0, 2, 1]].astype(float)


def changed(rule=YUV, **values):
    return dataclasses.replace(rule, **values)


def run(rule, pixels=PIXELS, rgb=False, size=(16, 24)):
    blob = np.full((1, 3, *size), np.nan, np.float32)
    FloatAipp(rule, rgb)(pixels, blob, np.empty((3, *size), np.uint8))
    return blob[0].transpose(1, 2, 0)


@pytest.mark.parametrize(
    ("rule", "rgb", "expected", "tolerance"),
    [
        pytest.param(YUV, False, PIXELS[:, :, ::-1], 0, id="the JPEG matrix gives RGB itself"),
        pytest.param(changed(matrix=JPEG_RGB[::-1]), False, PIXELS, 0, id="its rows reversed give BGR"),
        pytest.param(changed(scales=(0.5, 2, 3, 1)), False, PIXELS[:, :, ::-1] * [0.5, 2, 3], 1e-5, id="scales"),
        pytest.param(
            changed(means=(1, 2, 3, 0), mins=(0.5, 0, 0, 0)), False, PIXELS[:, :, ::-1] - [1.5, 2, 3], 1e-5, id="means"
        ),
        pytest.param(changed(matrix=None), False, YCC, 1, id="no matrix gives YUV"),
        pytest.param(changed(matrix=None, swap=True), False, YCC[:, :, [0, 2, 1]], 1, id="NV21"),
        pytest.param(
            changed(matrix=NARROW_RGB, input_bias=(16, 128, 128)), False,
            ((YCC - [16, 128, 128]) @ np.array(NARROW_RGB).T / 256).clip(0, 255), 3, id="the matrix of videos",
        ),
        pytest.param(AippRule(RGB, 24, 16), True, PIXELS, 0, id="packed images keep their order"),
        pytest.param(AippRule(RGB, 24, 16, swap=True), False, PIXELS[:, :, ::-1], 0, id="or are swapped"),
        pytest.param(
            AippRule(RGB, 24, 16, matrix=TO_YUV, output_bias=(0, 128, 128)), True,
            (PIXELS @ np.array(TO_YUV).T / 256 + [0, 128, 128]).clip(0, 255), 1e-3, id="RGB to YUV",
        ),
    ],
)  # fmt: skip
def test_values(rule, rgb, expected, tolerance):
    assert np.abs(run(rule, rgb=rgb) - expected).max() <= tolerance


def test_crop_and_padding():
    rule = changed(crop=Box(4, 2, 12, 8), padding=(1, 2, 3, 4), padding_value=0.25)
    values = run(rule, size=(15, 15))
    np.testing.assert_array_equal(values[3:11, 1:13], PIXELS[2:10, 4:16, ::-1])
    values[3:11, 1:13] = 0.25
    assert (values == 0.25).all()


def test_float_images_are_not_cut():
    values = run(AippRule(RGB, 24, 16, scales=(2.0,) * 4), PIXELS.astype(np.float32) + 0.5, rgb=True)
    np.testing.assert_allclose(values, (PIXELS + 0.5) * 2, rtol=1e-6)
