"""AIPP's whole numbers, against the documented formula written down pixel by pixel."""

import dataclasses

import numpy as np
import pytest

from deploy.aipp.formats import GREY, RGB, XRGB, YUV420SP
from deploy.aipp.rule import AippRule, Box
from deploy.host.model.aipp_integer import IntegerAipp

JPEG_RGB = ((256, 0, 359), (256, -88, -183), (256, 454, 0))
NARROW_BGR = ((298, 516, 0), (298, -100, -208), (298, 0, 409))
TO_YUV = ((77, 150, 29), (-43, -85, 128), (128, -107, -21))
UNIT = (0.00392157,) * 4


def half(value):
    return float(np.float16(value))


def plain(pixels, rule, channels, height, width):
    """The documented order, one pixel at a time: swap, crop, matrix, mean and scale, padding."""
    out = np.full((channels, height, width), half(rule.padding_value))
    box = rule.crop or Box(0, 0, rule.width, rule.height)
    rows = len(pixels) * 2 // 3
    for row in range(box.height):
        for column in range(box.width):
            y, x = row + box.top, column + box.left
            if rule.input_format == YUV420SP:
                u, v = pixels[rows + y // 2, x // 2 * 2 : x // 2 * 2 + 2].tolist()
                values = [int(pixels[y, x]), *((v, u) if rule.swap else (u, v))]
            elif rule.input_format == GREY:
                values = [int(pixels[y, x])]
            else:
                values = pixels[y, x].tolist()
                if rule.swap:
                    first = 1 if rule.input_format == XRGB else 0
                    values[first], values[first + 2] = values[first + 2], values[first]
                if rule.alpha_first:
                    values = [*values[1:], values[0]]
            if rule.matrix:
                packed = rule.input_format in (RGB, XRGB)
                values[:3] = [
                    min(255, max(0, (sum(
                        factor * (value - (0 if packed else bias))
                        for factor, value, bias in zip(factors, values, rule.input_bias)
                    ) >> 8) + (added if packed else 0)))
                    for factors, added in zip(rule.matrix, rule.output_bias)
                ]  # fmt: skip
            for channel in range(channels):
                value = values[channel] - rule.means[channel] - half(rule.mins[channel])
                out[channel, row + rule.padding[2], column + rule.padding[0]] = half(value * half(rule.scales[channel]))
    return out


def nv12(height=16, width=24):
    return np.random.default_rng(0).integers(0, 256, (height * 3 // 2, width), np.uint8)


def packed(channels=3, height=16, width=24):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


YUV = AippRule(YUV420SP, 24, 16, matrix=JPEG_RGB, input_bias=(0, 128, 128), scales=UNIT)


def changed(rule=YUV, **values):
    return dataclasses.replace(rule, **values)


@pytest.mark.parametrize(
    ("rule", "pixels", "channels"),
    [
        pytest.param(YUV, nv12(), 3, id="JPEG to RGB"),
        pytest.param(changed(matrix=JPEG_RGB[::-1]), nv12(), 3, id="JPEG to BGR"),
        pytest.param(changed(swap=True), nv12(), 3, id="NV21"),
        pytest.param(changed(matrix=NARROW_BGR, input_bias=(16, 128, 128)), nv12(), 3, id="narrow: Y has a factor"),
        pytest.param(changed(matrix=((256, 0, 0),) * 3), nv12(), 3, id="grey: no factor for chroma"),
        pytest.param(changed(matrix=((256, 10, -20), (256, 3, 0), (256, 0, -7))), nv12(), 3, id="odd factors"),
        pytest.param(changed(matrix=None), nv12(), 3, id="YUV as it is"),
        pytest.param(changed(crop=Box(4, 2, 12, 8)), nv12(), 3, id="crop"),
        pytest.param(changed(crop=Box(4, 2, 11, 7)), nv12(), 3, id="crop to an odd size"),
        pytest.param(changed(matrix=None, crop=Box(4, 2, 11, 7)), nv12(), 3, id="an odd crop of YUV"),
        pytest.param(changed(padding=(1, 2, 3, 4), padding_value=0.3), nv12(), 3, id="padding in the model's values"),
        pytest.param(
            changed(means=(104, 117, 123, 0), mins=(0.1, -3.7, 0.5, 0), scales=(0.017, 1, 0.3, 1)), nv12(), 3, id="mean"
        ),
        pytest.param(AippRule(RGB, 24, 16, scales=UNIT), packed(), 3, id="RGB as it is"),
        pytest.param(AippRule(RGB, 24, 16, swap=True, scales=UNIT), packed(), 3, id="RGB to BGR"),
        pytest.param(AippRule(RGB, 24, 16, matrix=TO_YUV, output_bias=(0, 128, 128)), packed(), 3, id="RGB to YUV"),
        pytest.param(AippRule(RGB, 24, 16, crop=Box(3, 1, 9, 7)), packed(), 3, id="RGB cropped at an odd place"),
        pytest.param(AippRule(XRGB, 24, 16, alpha_first=True, scales=UNIT), packed(4), 3, id="XRGB to RGB"),
        pytest.param(AippRule(XRGB, 24, 16, swap=True, alpha_first=True), packed(4), 4, id="XRGB to BGRX"),
        pytest.param(AippRule(XRGB, 24, 16), packed(4), 4, id="XRGB as it is"),
        pytest.param(AippRule(GREY, 24, 16, means=(7, 0, 0, 0), scales=UNIT), packed(1), 1, id="YUV400"),
    ],
)
def test_against_the_formula(rule, pixels, channels):
    box = rule.crop or Box(0, 0, rule.width, rule.height)
    height, width = box.height + sum(rule.padding[2:]), box.width + sum(rule.padding[:2])
    blob = np.full((1, channels, height, width), np.nan, np.float32)
    IntegerAipp(rule, channels)(pixels, blob)
    np.testing.assert_array_equal(blob[0], plain(pixels, rule, channels, height, width))


def test_zeros_are_green():
    blob = np.empty((1, 3, 16, 24), np.float32)
    IntegerAipp(changed(scales=(1.0,) * 4), 3)(np.zeros((24, 24), np.uint8), blob)
    assert blob[0, :, 0, 0].tolist() == [0, 135, 0]


def test_without_half_the_scale_is_not_rounded():
    rule, pixels = changed(crop=None), nv12()
    exact, rounded = np.empty((1, 3, 16, 24), np.float32), np.empty((1, 3, 16, 24), np.float32)
    IntegerAipp(rule, 3, half=False)(pixels, exact)
    IntegerAipp(rule, 3)(pixels, rounded)
    assert (rounded.astype(np.float16).astype(np.float32) == rounded).all()
    assert 0 < np.abs(exact - rounded).max() < 5e-4
