"""Resizing: the letterbox and the stretched image."""

import cv2
import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import BGR888, NV12, RGB888, Image, Images
from deploy.host.numerics import BOARD, EXACT, FLOAT, Numerics, applied
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, Plugin
from deploy.host.plugins.mxpi_imageresize import ImageResize
from deploy.postprocess.key_values import float32
from deploy.postprocess.resize_types import RESIZE_TYPES
from deploy.sdk_codes import SdkFault


class Source(Plugin):
    """An element that hands on images, or a model that takes them."""

    produces = IMAGE

    def __init__(self, size=None):
        super().__init__(Element("source0", "", {}))
        self.input_size = size


def resizer(net, kind="Resizer_KeepAspectRatio_Fit", downstream=(), numerics=FLOAT, **props):
    props = {"resizeType": kind, "resizeWidth": str(net[0]), "resizeHeight": str(net[1]), **props}
    values = read_properties("s.resize0", "mxpi_imageresize", props, ImageResize.PROPERTIES)
    with applied(numerics):
        plugin = ImageResize(Element("resize0", "mxpi_imageresize", values))
    plugin.connect([Source()], downstream)
    return plugin


def image_of(pixels, kind=BGR888, host=False):
    height = len(pixels) * 2 // 3 if kind == NV12 else len(pixels)
    size = pixels.shape[1], height
    return Image(pixels, *size, *size, format=kind, width_aligned=0 if host else 128, host=host)


def resize(pixels, net, kind="Resizer_KeepAspectRatio_Fit", pixel_format=BGR888, host=False, **changes):
    frame = Frame(b"", {"source0": Images([image_of(pixels, pixel_format, host)])})
    resizer(net, kind, **changes).process(frame)
    return frame.metadata["resize0"][0]


def noise(width, height):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_letterbox_is_top_left_on_green():
    pixels = noise(200, 150)
    image = resize(pixels, (128, 128))
    assert image.pixels.shape == (128, 128, 3)
    np.testing.assert_array_equal(image.pixels[:96], cv2.resize(pixels, (128, 96)))
    assert (image.pixels[96:] == (0, 135, 0)).all()
    assert (image.source_width, image.source_height) == (200, 150)
    assert (image.resize_type, image.ratio) == (2, float32(128 / 200))


def test_content_is_forced_even():
    image = resize(np.full((500, 353, 3), 255, np.uint8), (512, 512))
    assert (image.pixels[0, :362] == 255).all()  # 361.47 columns
    assert (image.pixels[0, 362:] == (0, 135, 0)).all()
    assert image.ratio == float32(512 / 500)


def test_odd_canvas():
    image = resize(np.full((100, 100, 3), 255, np.uint8), (33, 33))
    assert image.pixels.shape == (33, 33, 3)


def test_stretch():
    pixels = noise(200, 150)
    image = resize(pixels, (96, 64), "Resizer_Stretch")
    np.testing.assert_array_equal(image.pixels, cv2.resize(pixels, (96, 64)))
    assert (image.resize_type, image.ratio) == (0, 0.0)


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
        pytest.param((31, 128), {}, 2020, "Output width(31)", id="too narrow a canvas"),
        pytest.param((128, 5), {}, 2021, "Output height(5)", id="too low a canvas"),
        pytest.param((128, 128), {"minDimension": "300"}, 1013, "more than maxDimension, 224", id="dimensions"),
        pytest.param((128, 128), {"kind": "Resizer_Fit"}, 6015, "none of Resizer_Stretch", id="an unknown type"),
    ],
)
def test_mistakes(net, props, code, sentence):
    with pytest.raises(SdkFault) as caught:
        resizer(net, **props)
    assert caught.value.code == code
    assert sentence in caught.value.sentence


def test_a_source_that_nobody_is(caplog):
    """MxGstBase.cpp, CheckDataSource: the name is not looked for when the stream is created."""
    resizer((128, 128), parentName="source1")
    assert 'did you mean "source0"' in caplog.text


def nv12(width, height):
    return np.random.default_rng(0).integers(0, 256, (height * 3 // 2, width), np.uint8)


def test_nv12_on_the_board():
    source = nv12(200, 150)
    image = resize(source, (128, 128), pixel_format=NV12, numerics=BOARD)
    assert (image.format, image.pixels.shape) == (NV12, (192, 128))
    assert (image.width, image.height, image.width_aligned, image.height_aligned) == (128, 128, 128, 128)
    np.testing.assert_array_equal(image.pixels[:96], cv2.resize(source[:150], (128, 96)))
    assert (image.pixels[96:128] == 0).all()
    assert (image.source_width, image.source_height) == (200, 150)


def test_rgb_value_fills_the_canvas():
    image = resize(nv12(200, 150), (128, 128), pixel_format=NV12, numerics=BOARD, RGBValue="255,0,0")
    assert (image.pixels[96:128] == 76).all()
    assert image.pixels[-1, :2].tolist() == [84, 255]
    assert resize(noise(200, 150), (128, 128), RGBValue="1,2,3").pixels[-1, -1].tolist() == [3, 2, 1]


def test_centred():
    image = resize(noise(200, 150), (128, 128), paddingType="Padding_Around")
    assert (image.pixels[:16] == (0, 135, 0)).all() and (image.pixels[112:] == (0, 135, 0)).all()
    assert (image.pixels[16] != (0, 135, 0)).any()


def test_fast_rcnn_has_a_canvas_of_its_own():
    plugin = resizer((640, 640), "Resizer_KeepAspectRatio_FastRCNN", minDimension="100", maxDimension="230")
    assert plugin.output_size == (240, 240)
    image = resize(noise(200, 200), (640, 640), "Resizer_KeepAspectRatio_FastRCNN", minDimension="100")
    assert (image.pixels.shape, image.resize_type, image.ratio) == ((224, 224, 3), 1, 0.5)


@pytest.mark.parametrize("kind", ["Resizer_KeepAspectRatio_Long", "Resizer_MS_Yolov4", "Resizer_PaddleOCR"])
def test_types_without_a_rule_on_the_chip_are_stretched_and_keep_their_number(kind):
    pixels = noise(200, 150)
    image = resize(pixels, (96, 64), kind)
    np.testing.assert_array_equal(image.pixels, cv2.resize(pixels, (96, 64)))
    assert image.resize_type == RESIZE_TYPES.index(kind) > 3


def test_larger_than_its_canvas():
    with pytest.raises(SdkFault, match=r"resize0: Error value x0 = \[0\]") as caught:
        resize(noise(200, 150), (128, 128), "Resizer_OnlyPadding")
    assert caught.value.code == 1003


def test_the_exact_letterbox_of_a_comparison():
    image = resize(np.full((500, 353, 3), 255, np.uint8), (512, 512), numerics=Numerics(letterbox=EXACT))
    assert (image.pixels[0, :361] == 255).all() and (image.pixels[0, 361:] == (0, 135, 0)).all()


def test_the_opencv_way():
    pixels = noise(200, 150)
    image = resize(
        pixels, (128, 128), cvProcessor="opencv", paddingColorR="9", pixel_format=RGB888, host=True, numerics=BOARD
    )
    np.testing.assert_array_equal(image.pixels[:96], cv2.resize(pixels, (128, 96)))
    assert (image.pixels[96:] == (9, 0, 0)).all()
    assert (image.host, image.format, image.ratio) == (True, RGB888, float32(128 / 200))


def test_a_size_of_the_images_own():
    plugin = resizer((0, 0), "Resizer_KeepAspectRatio_Long", cvProcessor="opencv", scaleValue="64")
    assert plugin.output_size is None
    frame = Frame(b"", {"source0": Images([image_of(noise(200, 150), host=True)])})
    plugin.process(frame)
    assert frame.metadata["resize0"][0].pixels.shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("processor", "host", "code", "sentence"),
    [
        pytest.param("ascend", True, 11002, "Memory type is not dvpp", id="opencv's image on the chip"),
        pytest.param("opencv", False, 1003, "Dataptr is in device", id="the chip's image by opencv"),
    ],
)
def test_the_two_ways_do_not_mix(processor, host, code, sentence):
    with pytest.raises(SdkFault, match=sentence) as caught:
        resize(noise(200, 150), (128, 128), host=host, cvProcessor=processor)
    assert caught.value.code == code


def test_several_images_and_the_parents_data_removed():
    images = Images([image_of(noise(200, 150)), image_of(noise(64, 64))])
    frame = Frame(b"", {"source0": images})
    resizer((128, 128), removeParentData="1").process(frame)
    assert [image.headers[0].member_id for image in frame.metadata["resize0"]] == [0, 1]
    assert "source0" not in frame.metadata


def test_the_310p_has_fewer_interpolations():
    assert resizer((128, 128), interpolation="3")
    with pytest.raises(SdkFault, match="an Ascend 310P has 0 to 2") as caught:
        resizer((128, 128), interpolation="3", numerics=Numerics(chip="310P"))
    assert caught.value.code == 6015
