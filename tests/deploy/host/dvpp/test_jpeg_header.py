"""JPEG headers, and files that are not all there."""

import cv2
import numpy as np
import pytest

from deploy.host.dvpp.jpeg_header import JpegHeader, check_complete, check_size, read_header
from deploy.sdk_codes import SdkFault


def jpeg(width=96, height=64, *options):
    """A noisy image, so that the file is mostly scan data."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", pixels, list(options))[1].tobytes()


KINDS = {
    "baseline": jpeg(),
    "progressive": jpeg(96, 64, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restart markers": jpeg(96, 64, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "optimised": jpeg(96, 64, cv2.IMWRITE_JPEG_OPTIMIZE, 1),
}


def check(data):
    header = read_header(data)
    check_size(header)
    check_complete(data, header)
    return header


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files(kind):
    header = check(KINDS[kind])
    assert (header.width, header.height) == (96, 64)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_with_something_behind_them(kind):
    check(KINDS[kind] + b"\0\0 trailing \xff\xd8 bytes")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.02, 0.1, 0.3, 0.5, 0.9, 0.99])
def test_truncated_files(kind, part):
    data = KINDS[kind]
    with pytest.raises(SdkFault, match="truncated or damaged") as caught:
        check(data[: int(len(data) * part)])
    assert caught.value.code == 2006


@pytest.mark.parametrize("missing", [1, 2, 3, 10])
def test_the_last_bytes_missing(missing):
    with pytest.raises(SdkFault, match="truncated"):
        check(KINDS["baseline"][:-missing])


def test_every_cut_of_the_header():
    data = KINDS["baseline"]
    for cut in range(3, read_header(data).scan_start):
        with pytest.raises(SdkFault) as caught:
            check(data[:cut])
        assert caught.value.code == 2006


def test_a_zero_filled_tail_is_truncation():
    data = KINDS["baseline"]
    half = len(data) // 2
    with pytest.raises(SdkFault, match="end marker"):
        check(data[:half] + b"\0" * half)


def test_the_end_marker_of_a_thumbnail_does_not_count():
    data = KINDS["baseline"]
    thumbnail = jpeg(32, 32)
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = data[:2] + segment + data[2:]
    check(whole)
    with pytest.raises(SdkFault, match="truncated"):
        check(data[:2] + segment)
    with pytest.raises(SdkFault, match="truncated"):
        check(whole[:-2])


@pytest.mark.parametrize(
    ("data", "code", "sentence"),
    [
        pytest.param(b"", 2019, "empty", id="empty"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"\0" * 50, 2019, "begins with 89 50 4e 47", id="a PNG"),
        pytest.param(b"\xff\xd8", 2019, "not a JPEG", id="two bytes"),
        pytest.param(b"\xff\xd8\xff\xd9", 2006, "breaks off", id="an end without an image"),
        pytest.param(b"\xff\xd8\xff\xe0\x00\x00" + b"\0" * 50, 2006, "no length", id="a segment of length 0"),
        pytest.param(b"\xff\xd8\xff\xfe\x00\x04ab" + b"\0" * 50, 2006, "should begin a segment", id="junk"),
        pytest.param(b"\xff\xd8\xff\xda\x00\x04ab" + b"\0" * 50, 2006, "before the frame header", id="no frame"),
        pytest.param(b"\xff\xd8\xff\xc0\x00\x04ab" + b"\0" * 50, 2006, "too short", id="a frame header cut short"),
    ],
)
def test_what_is_no_image(data, code, sentence):
    with pytest.raises(SdkFault) as caught:
        check(data)
    assert caught.value.code == code
    assert sentence in caught.value.sentence


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [
        pytest.param(32, 8192, 0, id="the limits themselves"),
        pytest.param(31, 64, 2020, id="too narrow"),
        pytest.param(8193, 64, 2020, id="too wide"),
        pytest.param(64, 31, 2021, id="too low"),
        pytest.param(64, 8193, 2021, id="too high"),
    ],
)
def test_sizes(width, height, code):
    header = JpegHeader(width, height, 0)
    if not code:
        check_size(header)
        return
    with pytest.raises(SdkFault, match=f"{width} x {height} px") as caught:
        check_size(header)
    assert caught.value.code == code
