"""Decoding: what the board takes, what it refuses, and the true size."""

import cv2
import numpy as np
import pytest

from deploy.host.description import Element
from deploy.host.frame import Frame
from deploy.host.plugins.mxpi_imagedecoder import ImageDecoder
from deploy.host.properties import read_properties
from deploy.sdk_codes import SdkFault


def decoder(**props):
    values = read_properties("s.dec0", "mxpi_imagedecoder", props, ImageDecoder.PROPERTIES)
    return ImageDecoder(Element("dec0", "mxpi_imagedecoder", values))


def decode(data):
    frame = Frame(data)
    decoder().process(frame)
    return frame.metadata["dec0"][0]


def gradient(width=96, height=64):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns * 2, rows * 3, (rows + columns)], axis=-1).astype(np.uint8)


def jpeg(pixels, *options):
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95, *options])[1].tobytes()


def with_orientation(data, orientation):
    """The file with an EXIF segment that says how the camera was held."""
    tiff = b"MM\x00\x2a\x00\x00\x00\x08" + b"\x00\x01" + b"\x01\x12\x00\x03\x00\x00\x00\x01"
    tiff += orientation.to_bytes(2, "big") + b"\x00\x00" + b"\x00\x00\x00\x00"
    segment = b"Exif\x00\x00" + tiff
    return data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="baseline"),
        pytest.param((cv2.IMWRITE_JPEG_PROGRESSIVE, 1), id="progressive"),
        pytest.param((cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444), id="4:4:4"),
    ],
)
def test_pixels_are_bgr(options):
    picture = decode(jpeg(gradient(), *options))
    assert picture.pixels.dtype == np.uint8
    assert (picture.width, picture.height) == (picture.source_width, picture.source_height) == (96, 64)
    assert np.abs(picture.pixels.astype(int) - gradient()).mean() < 3


def test_grey_becomes_three_equal_channels():
    picture = decode(jpeg(gradient()[:, :, 0]))
    assert picture.pixels.shape == (64, 96, 3)
    assert (picture.pixels[:, :, 0] == picture.pixels[:, :, 2]).all()


def test_exif_orientation_is_applied_as_on_the_board():
    picture = decode(with_orientation(jpeg(gradient()), 6))  # rotate by 90 degrees clockwise
    assert (picture.width, picture.height) == (64, 96)
    turned = cv2.rotate(gradient(), cv2.ROTATE_90_CLOCKWISE)
    assert np.abs(picture.pixels.astype(int) - turned).mean() < 3


@pytest.mark.parametrize(
    ("data", "code", "sentence"),
    [
        pytest.param(b"", 2019, "empty", id="empty"),
        pytest.param(b"GIF89a" * 20, 2019, "not a JPEG", id="not a JPEG"),
        pytest.param(jpeg(gradient(31, 64)), 2020, "31 x 64 px", id="31 px wide"),
        pytest.param(jpeg(gradient(64, 31)), 2021, "64 x 31 px", id="31 px high"),
        pytest.param(jpeg(gradient())[:900], 2006, "truncated", id="truncated"),
        pytest.param(jpeg(gradient())[:-2], 2006, "truncated", id="the end marker missing"),
    ],
)
def test_bad_pictures(data, code, sentence):
    with pytest.raises(SdkFault, match=r"dec0: ") as caught:
        decode(data)
    assert caught.value.code == code
    assert sentence in caught.value.sentence


def test_a_huge_picture_is_refused_unread():
    data = bytearray(jpeg(gradient()))
    frame_header = data.index(b"\xff\xc0")
    data[frame_header + 5 : frame_header + 9] = (65500).to_bytes(2, "big") * 2
    with pytest.raises(SdkFault, match="65500 x 65500") as caught:
        decode(bytes(data))
    assert caught.value.code == 2020


def test_a_damaged_table_is_a_decode_failure():
    data = bytearray(jpeg(gradient()))
    table = data.index(b"\xff\xc4")
    data[table + 5 : table + 21] = b"\xff" * 16  # impossible code lengths
    with pytest.raises(SdkFault, match="damaged") as caught:
        decode(bytes(data))
    assert caught.value.code == 2006


@pytest.mark.parametrize(
    ("props", "sentence"),
    [
        pytest.param({"cvProcessor": "opencv"}, "cvProcessor opencv", id="the opencv way"),
        pytest.param({"handleMethod": "opencv"}, "cvProcessor opencv", id="its old spelling, which wins"),
        pytest.param({"imageFormat": "bmp"}, "imageFormat bmp", id="bmp"),
    ],
)
def test_what_is_not_run_is_said_at_creation(props, sentence):
    with pytest.raises(SdkFault) as caught:
        decoder(**props)
    assert caught.value.code == 1005
    assert sentence in caught.value.sentence
