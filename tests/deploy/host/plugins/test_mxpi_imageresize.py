"""Resizing: the letterbox and the stretched picture."""

import cv2
import numpy as np
import pytest

from deploy.host.description import Element
from deploy.host.frame import Frame, Picture, Pictures
from deploy.host.plugins.base import PICTURE, Plugin
from deploy.host.plugins.mxpi_imageresize import ImageResize
from deploy.host.properties import read_properties
from deploy.sdk_codes import SdkFault


class Source(Plugin):
    """An element that hands on pictures, or a model that takes them."""

    produces = PICTURE

    def __init__(self, size=None):
        super().__init__(Element("source0", "", {}))
        self.input_size = size


def resizer(net, kind="Resizer_KeepAspectRatio_Fit", downstream=(), **props):
    props = {"resizeType": kind, "resizeWidth": str(net[0]), "resizeHeight": str(net[1]), **props}
    values = read_properties("s.resize0", "mxpi_imageresize", props, ImageResize.PROPERTIES)
    plugin = ImageResize(Element("resize0", "mxpi_imageresize", values))
    plugin.connect([Source()], downstream)
    return plugin


def resize(pixels, net, kind="Resizer_KeepAspectRatio_Fit"):
    size = pixels.shape[1], pixels.shape[0]
    frame = Frame(b"", {"source0": Pictures([Picture(pixels, *size, *size)])})
    resizer(net, kind).process(frame)
    return frame.metadata["resize0"][0]


def noise(width, height):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_letterbox_is_top_left_on_green():
    pixels = noise(200, 150)
    picture = resize(pixels, (128, 128))
    assert picture.pixels.shape == (128, 128, 3)
    np.testing.assert_array_equal(picture.pixels[:96], cv2.resize(pixels, (128, 96)))
    assert (picture.pixels[96:] == (0, 135, 0)).all()
    assert (picture.source_width, picture.source_height) == (200, 150)
    assert (picture.resize_type, picture.ratio) == (2, 128 / 200)


def test_content_is_forced_even():
    picture = resize(np.full((500, 353, 3), 255, np.uint8), (512, 512))
    assert (picture.pixels[0, :362] == 255).all()  # 361.47 columns
    assert (picture.pixels[0, 362:] == (0, 135, 0)).all()
    assert picture.ratio == 512 / 500


def test_odd_canvas():
    picture = resize(np.full((100, 100, 3), 255, np.uint8), (33, 33))
    assert picture.pixels.shape == (33, 33, 3)


def test_stretch():
    pixels = noise(200, 150)
    picture = resize(pixels, (96, 64), "Resizer_Stretch")
    np.testing.assert_array_equal(picture.pixels, cv2.resize(pixels, (96, 64)))
    assert (picture.resize_type, picture.ratio) == (0, 0.0)


def test_same_size_passes_through():
    pixels = noise(128, 128)
    assert resize(pixels, (128, 128)).pixels is pixels


def test_too_narrow_for_the_chip():
    with pytest.raises(SdkFault, match="resize0: ") as caught:
        resize(noise(40, 1000), (320, 320))
    assert caught.value.code == 2002


def test_size_zero_is_the_models():
    plugin = resizer((0, 0), downstream=[Source(), Source((64, 48))])
    assert plugin.output_size == (64, 48)
    with pytest.raises(SdkFault, match="no model follows"):
        resizer((0, 0))


@pytest.mark.parametrize(
    ("net", "props", "code", "sentence"),
    [
        pytest.param((31, 128), {}, 2020, "width is 31", id="too narrow a canvas"),
        pytest.param((128, 5), {}, 2021, "height is 5", id="too low a canvas"),
        pytest.param((128, 128), {"kind": "Resizer_OnlyPadding"}, 1005, "Resizer_OnlyPadding", id="another type"),
        pytest.param((128, 128), {"paddingType": "Padding_Around"}, 1005, "Padding_Around", id="centred"),
        pytest.param((128, 128), {"RGBValue": "114,114,114"}, 1005, "RGBValue", id="another canvas colour"),
        pytest.param((128, 128), {"cvProcessor": "opencv"}, 1005, "opencv", id="the opencv way"),
        pytest.param((128, 128), {"kind": "Resizer_Fit"}, 6015, "none of Resizer_Stretch", id="an unknown type"),
        pytest.param((128, 128), {"parentName": "source1"}, 6015, 'did you mean "source0"', id="no such source"),
    ],
)
def test_mistakes(net, props, code, sentence):
    with pytest.raises(SdkFault) as caught:
        resizer(net, **props)
    assert caught.value.code == code
    assert sentence in caught.value.sentence
