"""From images to the model's input."""

import numpy as np
import pytest

from deploy.aipp.formats import RGB, YUV420SP
from deploy.aipp.rule import AippRule
from deploy.host.metadata.values import BGR888, NV12, RGB888, Image
from deploy.host.model.model_input import ModelInput
from deploy.host.numerics import BOARD, FLOAT, Numerics
from deploy.sdk_codes import SdkFault

NET = (3, 6, 4)
YUV = AippRule(YUV420SP, 4, 6, matrix=((256, 0, 359), (256, -88, -183), (256, 454, 0)), input_bias=(0, 128, 128),
               scales=(1 / 255,) * 4)  # fmt: skip
PACKED = AippRule(RGB, 4, 6, scales=(1 / 255,) * 4)
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)
PLANES = np.random.default_rng(0).integers(0, 256, (9, 4), np.uint8)


def image(pixels=PIXELS, kind=BGR888, host=False):
    return Image(pixels, 4, 6, 4, 6, format=kind, host=host)


def prepared(rule, numerics, given):
    return ModelInput(rule, NET, numerics)(given)[0][0].transpose(1, 2, 0)


def test_float():
    np.testing.assert_allclose(prepared(YUV, FLOAT, image()), PIXELS[:, :, ::-1] / 255, rtol=1e-6)


def test_board():
    values = prepared(YUV, BOARD, image(PLANES, NV12))
    y, v = int(PLANES[0, 0]), int(PLANES[6, 1])
    red = min(255, max(0, y + ((359 * (v - 128)) >> 8)))
    assert values[0, 0, 0] == np.float32(np.float16(red * np.float32(np.float16(1 / 255))))
    assert (values == values.astype(np.float16)).all()


def test_half_alone_rounds_the_float_colours():
    values = prepared(YUV, Numerics(half=True), image())
    np.testing.assert_array_equal(values, (PIXELS[:, :, ::-1] * np.float32(1 / 255)).astype(np.float16))


@pytest.mark.parametrize("numerics", [FLOAT, BOARD], ids=["float", "board"])
@pytest.mark.parametrize("kind", [RGB888, BGR888], ids=["RGB", "BGR"])
def test_packed_images_keep_their_order(numerics, kind):
    values = prepared(PACKED, numerics, image(PIXELS, kind, host=True))
    np.testing.assert_allclose(values, PIXELS / 255, atol=5e-4)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(image(), PIXELS[:, :, ::-1], id="the chip's image"),
        pytest.param(image(kind=BGR888, host=True), PIXELS[:, :, ::-1], id="BGR"),
        pytest.param(image(kind=RGB888, host=True), PIXELS, id="RGB"),
        pytest.param(image(PIXELS.astype(np.float32), RGB888, True), PIXELS, id="RGB in floats"),
    ],
)
def test_without_a_rule_all_become_rgb_over_255(given, expected):
    np.testing.assert_allclose(prepared(None, FLOAT, given), expected / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("rule", "given", "sentence"),
    [
        pytest.param(YUV, image(host=True), "is RGB888_U8; .* takes YUV420SP_U8", id="opencv's image for YUV"),
        pytest.param(PACKED, image(PLANES, NV12), "is YUV420SP_U8; .* takes RGB888_U8", id="NV12 for RGB"),
        pytest.param(PACKED, image(PIXELS.astype(np.float32), host=True), "float32", id="floats for AIPP"),
    ],
)
def test_images_that_aipp_does_not_take(rule, given, sentence):
    with pytest.raises(SdkFault, match=sentence) as caught:
        prepared(rule, FLOAT, given)
    assert caught.value.code == 3001


def test_a_released_buffer_is_used_again_and_one_in_use_is_not():
    prepare = ModelInput(YUV, NET, FLOAT)
    first, second = prepare(image()), prepare(image())
    assert not np.shares_memory(first[0], second[0])
    prepare.release(first)
    third = prepare(image(255 - PIXELS))
    assert third[0] is first[0]
    np.testing.assert_allclose(third[0][0].transpose(1, 2, 0), (255 - PIXELS)[:, :, ::-1] / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("numerics", "rule", "given", "expected"),
    [
        pytest.param(FLOAT, PACKED, image(), PIXELS, id="a packed one for RGB"),
        pytest.param(BOARD, PACKED, image(), PIXELS, id="a packed one for RGB on the board"),
        pytest.param(FLOAT, YUV, image(kind=RGB888), PIXELS, id="RGB for YUV in floats"),
        pytest.param(FLOAT, YUV, image(np.full((9, 4), 128, np.uint8), NV12), 128, id="NV12 in floats"),
    ],
)
def test_images_that_were_sent(numerics, rule, given, expected):
    np.testing.assert_allclose(prepared(rule, numerics, given), np.broadcast_to(expected, (6, 4, 3)) / 255, atol=5e-4)


def test_a_packed_image_is_not_the_boards_yuv():
    with pytest.raises(SdkFault, match=r"is RGB888_U8; .* takes YUV420SP_U8"):
        prepared(YUV, BOARD, image())
