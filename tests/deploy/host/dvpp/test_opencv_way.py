"""Resizing on the opencv way, by the sizes that MxpiImageResize.cpp computes."""

import numpy as np
import pytest

from deploy.host.dvpp.opencv_way import AROUND, NO_PADDING, RIGHT_DOWN, OpencvResizing
from deploy.postprocess.key_values import float32
from deploy.postprocess.resize_types import (
    FAST_RCNN,
    FIT,
    LONG,
    MS_YOLOV4,
    ONLY_PADDING,
    PADDLE_OCR,
    RESCALE,
    RESCALE_DOUBLE,
    SHORT,
    STRETCH,
)
from deploy.sdk_codes import SdkFault


def noise(width, height):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("kind", "source", "size", "ratio"),
    [
        pytest.param(STRETCH, (500, 375), (320, 240), 0, id="stretch"),
        pytest.param(MS_YOLOV4, (500, 375), (320, 240), 0, id="MS_Yolov4"),
        pytest.param(FIT, (500, 333), (320, 213), 320 / 500, id="fit: rounded, not even"),
        pytest.param(LONG, (500, 375), (64, 48), 0, id="long: the longer side becomes scaleValue"),
        pytest.param(SHORT, (500, 375), (85, 64), 0, id="short: the shorter one does, the other is cut"),
        pytest.param(RESCALE, (500, 375), (320, 240), 320 / 500, id="rescale"),
        pytest.param(RESCALE, (375, 500), (240, 320), 320 / 500, id="rescale does not care which side is longer"),
        pytest.param(
            RESCALE_DOUBLE, (375, 500), (180, 240), 320 / 500 * 0.75, id="rescaled again where it is too high"
        ),
        pytest.param(RESCALE_DOUBLE, (500, 375), (320, 240), 320 / 500, id="not again where it fits"),
        pytest.param(PADDLE_OCR, (100, 100), (240, 240), 240 / 100, id="PaddleOCR: by height"),
        pytest.param(PADDLE_OCR, (500, 100), (320, 240), 0, id="PaddleOCR: stretched where it is too wide"),
        pytest.param(FAST_RCNN, (500, 250), (224, 112), 224 / 500, id="FastRCNN"),
        pytest.param(ONLY_PADDING, (50, 20), (50, 20), 0, id="only padding"),
    ],
)
def test_sizes(kind, source, size, ratio):
    resizing = OpencvResizing(kind, 320, 240, scale_value=64, min_dimension=160, max_dimension=224)
    found, scale = resizing.size(*source)
    assert found == size
    assert scale == pytest.approx(float32(ratio), rel=1e-6)
    pixels, scale = resizing(noise(*source), rgb=False)
    assert (pixels.shape[1], pixels.shape[0]) == size


@pytest.mark.parametrize(
    ("kind", "padding", "origin", "canvas"),
    [
        pytest.param(FIT, RIGHT_DOWN, (0, 0), (320, 240), id="fit: to the net's size"),
        pytest.param(FIT, AROUND, (40, 0), (320, 240), id="around: half of it on the left"),
        pytest.param(FAST_RCNN, RIGHT_DOWN, (0, 0), (224, 224), id="FastRCNN: to maxDimension"),
        pytest.param(ONLY_PADDING, AROUND, (25, 15), (150, 130), id="only padding: to the padding size"),
        pytest.param(FIT, NO_PADDING, (0, 0), (200, 200), id="none"),
    ],
)
def test_padding(kind, padding, origin, canvas):
    resizing = OpencvResizing(kind, 320, 240, padding, 32, 200, 224, 150, 130, (10.0, 20.0, 30.0))
    if padding == NO_PADDING:
        resizing = OpencvResizing(kind, 200, 200)
    pixels, _ = resizing(np.full((100, 100, 3), 200, np.uint8), rgb=False)
    assert (pixels.shape[1], pixels.shape[0]) == canvas
    content = np.argwhere((pixels == 200).all(axis=2))
    assert tuple(content[0][::-1]) == origin
    around = pixels[~(pixels == 200).all(axis=2)]
    assert (around == (30, 20, 10)).all()


def test_the_colour_follows_the_pixel_format():
    pixels, _ = OpencvResizing(FIT, 64, 32, RIGHT_DOWN, colour=(1.0, 2.0, 3.0))(noise(32, 32), rgb=True)
    assert pixels[0, -1].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "net", "source", "sentence"),
    [
        pytest.param(ONLY_PADDING, (64, 64), (100, 20), "larger than its padded size", id="larger than its padding"),
        pytest.param(FIT, (64, 64), (2000, 10), "would become 64 x 0", id="no row is left"),
    ],
)
def test_what_does_not_fit(kind, net, source, sentence):
    with pytest.raises(SdkFault, match=sentence) as caught:
        OpencvResizing(kind, *net, RIGHT_DOWN)(noise(*source), rgb=True)
    assert caught.value.code == 1004


def test_floats_stay_floats():
    pixels, _ = OpencvResizing(FIT, 64, 64, RIGHT_DOWN)(noise(32, 16).astype(np.float32), rgb=True)
    assert pixels.dtype == np.float32
