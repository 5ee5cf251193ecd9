"""Decoding: what the board takes, what it refuses, and the true size, on both ways."""

import cv2
import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import BGR888, NV12, RGB888
from deploy.host.numerics import BOARD, FLOAT, Numerics, applied
from deploy.host.pipeline.description import Element
from deploy.host.plugins.mxpi_imagedecoder import ImageDecoder
from deploy.sdk_codes import SdkFault


def decoder(numerics=FLOAT, **props):
    values = read_properties("s.dec0", "mxpi_imagedecoder", props, ImageDecoder.PROPERTIES)
    with applied(numerics):
        return ImageDecoder(Element("dec0", "mxpi_imagedecoder", values))


def decode(data, numerics=FLOAT, **props):
    frame = Frame(data)
    decoder(numerics, **props).process(frame)
    return frame.metadata["dec0"][0]


def opencv(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("numerics", [FLOAT, BOARD], ids=["float", "board"])
def test_every_kind_of_file(image_file, numerics):
    if image_file.code:
        with pytest.raises(SdkFault, match=r"^dec0: ") as caught:
            decode(image_file.data, numerics)
        assert caught.value.code == image_file.code
        assert image_file.word in caught.value.sentence
        return
    image = decode(image_file.data, numerics)
    width, height = image_file.size
    assert (image.width, image.height) == (image.source_width, image.source_height) == (width, height)
    assert (image.width_aligned, image.height_aligned) == (128, 16 * -(-height // 16))
    assert not image.host
    if numerics is BOARD:
        assert image.format == NV12
        assert image.pixels.shape == ((height + height % 2) * 3 // 2, width + width % 2)
    else:
        assert image.format == BGR888
        np.testing.assert_array_equal(image.pixels, opencv(image_file.data))


def test_the_310p_aligns_to_64(image_files_by_kind):
    data = image_files_by_kind["EXIF-rotated"].data
    assert decode(data).width_aligned == 128
    assert decode(data, Numerics(chip="310P")).width_aligned == 64


@pytest.mark.parametrize(
    ("props", "kind"),
    [
        pytest.param({"cvProcessor": "opencv"}, BGR888, id="BGR by default"),
        pytest.param({"cvProcessor": "opencv", "outputDataFormat": "RGB"}, RGB888, id="RGB"),
        pytest.param({"cvProcessor": "ascend", "handleMethod": "opencv"}, BGR888, id="the old spelling wins"),
        pytest.param({"cvProcessor": "opencv", "dataType": "float32"}, BGR888, id="float32"),
    ],
)
@pytest.mark.parametrize("name", ["baseline", "progressive", "a PNG named .jpg", "EXIF-rotated", "31 px wide", "CMYK"])
def test_the_opencv_way_takes_what_opencv_reads(image_files_by_kind, props, kind, name):
    data = image_files_by_kind[name].data
    image = decode(data, BOARD, **props)
    assert (image.format, image.host, image.width_aligned) == (kind, True, 0)
    assert image.pixels.dtype == (np.float32 if "dataType" in props else np.uint8)
    expected = opencv(data)
    np.testing.assert_array_equal(image.pixels, expected[:, :, ::-1] if kind == RGB888 else expected)


@pytest.mark.parametrize("name", ["empty", "a text"])
def test_the_opencv_way_refuses_with_1004(image_files_by_kind, name):
    with pytest.raises(SdkFault, match="dec0: OpenCV cannot decode") as caught:
        decode(image_files_by_kind[name].data, cvProcessor="opencv")
    assert caught.value.code == 1004


@pytest.mark.parametrize("kind", ["BGR", "RGB"])
def test_bmp_is_aligned_and_its_colours_are_named_the_other_way_round(kind):
    pixels = np.random.default_rng(0).integers(0, 256, (33, 40, 3), np.uint8)
    data = cv2.imencode(".bmp", pixels)[1].tobytes()
    image = decode(data, imageFormat="bmp", outputDataFormat=kind)
    assert image.pixels.shape == (34, 48, 3)
    expected = cv2.resize(pixels, (48, 34))
    np.testing.assert_array_equal(image.pixels, expected if kind == "RGB" else expected[:, :, ::-1])


def test_no_bmp(image_files_by_kind):
    with pytest.raises(SdkFault, match="not a BMP") as caught:
        decode(image_files_by_kind["baseline"].data, imageFormat="bmp")
    assert caught.value.code == 2019


def test_what_is_not_run_is_said_at_creation():
    decoder(FLOAT, formatAdaptation="on")  # the 310 does not look at it
    with pytest.raises(SdkFault, match="formatAdaptation on") as caught:
        decoder(Numerics(chip="310P"), formatAdaptation="on")
    assert caught.value.code == 1005
