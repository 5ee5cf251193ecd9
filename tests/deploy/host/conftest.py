"""Image files of every kind: what JPEGD decodes and what it refuses, with the SDK's code."""

import io
from typing import NamedTuple

import cv2
import numpy as np
import pytest

SAMPLING = {"4:4:4": 0x111111, "4:2:2": 0x211111, "4:2:0": 0x221111, "4:4:0": 0x121111, "4:1:1": 0x411111}


class File(NamedTuple):
    """A file's bytes, the code with which it is refused (0: it is decoded), a word of the sentence, and its size."""

    data: bytes
    code: int = 0
    word: str = ""
    size: tuple[int, int] = (96, 64)


def scene(width=96, height=64):
    """A smooth image, BGR, so that what JPEG loses stays small."""
    rows, columns = np.mgrid[:height, :width] / max(width, height)
    planes = [60 + 120 * columns, 200 - 100 * rows, 90 + 60 * np.sin(6 * (rows + columns))]
    return np.stack(planes, axis=-1).round().astype(np.uint8)


def jpeg(pixels, *options, sampling="4:2:0"):
    flags = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLING[sampling], *options]
    return cv2.imencode(".jpg", pixels, flags)[1].tobytes()


def with_orientation(data, orientation):
    """The file with an EXIF segment that says how the camera was held."""
    tiff = b"MM\x00\x2a\x00\x00\x00\x08" + b"\x00\x01" + b"\x01\x12\x00\x03\x00\x00\x00\x01"
    tiff += orientation.to_bytes(2, "big") + b"\x00\x00" + b"\x00\x00\x00\x00"
    segment = b"Exif\x00\x00" + tiff
    return data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]


def edited(data, marker, offset, value):
    """The file with bytes changed, `offset` bytes behind the start of a segment's content."""
    at = data.index(b"\xff" + bytes([marker])) + 4 + offset
    return data[:at] + value + data[at + len(value) :]


def by_pillow(mode, **options):
    image = pytest.importorskip("PIL.Image", reason="Pillow writes this kind of JPEG")
    stream = io.BytesIO()
    image.fromarray(scene()[:, :, ::-1]).convert(mode).save(stream, "JPEG", **options)
    return stream.getvalue()


def rgb_inside():
    """Planes called R, G, B and no JFIF segment: libjpeg and the chip's driver take it for RGB."""
    data = jpeg(scene(), sampling="4:4:4")
    for index, name in enumerate(b"RGB"):
        data = edited(data, 0xC0, 6 + 3 * index, bytes([name]))
        data = edited(data, 0xDA, 1 + 2 * index, bytes([name]))
    start = data.index(b"\xff\xe0")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


def image_files():
    plain = jpeg(scene())
    png = cv2.imencode(".png", scene())[1].tobytes()
    return {
        "baseline": File(plain),
        "grey": File(jpeg(scene()[:, :, 0])),
        "4:4:4": File(jpeg(scene(), sampling="4:4:4")),
        "4:2:2": File(jpeg(scene(), sampling="4:2:2")),
        "4:4:0": File(jpeg(scene(), sampling="4:4:0")),
        "odd size": File(jpeg(scene(97, 65)), size=(97, 65)),
        "EXIF-rotated": File(with_orientation(plain, 6), size=(64, 96)),
        "restart markers": File(jpeg(scene(), cv2.IMWRITE_JPEG_RST_INTERVAL, 2)),
        "optimised tables": File(jpeg(scene(), cv2.IMWRITE_JPEG_OPTIMIZE, 1)),
        "something behind the end": File(plain + b"trailing"),
        "empty": File(b"", 2019, "empty"),
        "truncated": File(plain[: len(plain) // 2], 2006, "truncated"),
        "its end missing": File(plain[:-30], 2006, "truncated"),
        "a text": File(b"this is no image" * 9, 2019, "not a JPEG"),
        "a PNG named .jpg": File(png, 2019, "not a JPEG"),
        "CMYK": File(by_pillow("CMYK"), 2006, "4 planes"),
        "RGB inside": File(rgb_inside(), 2006, "RGB"),
        "progressive": File(jpeg(scene(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1), 2006, "progressive"),
        "4:1:1": File(jpeg(scene(), sampling="4:1:1"), 2006, "sampled 4x1"),
        # no library at hand writes these: the frame header says so, which is where a decoder stops
        "arithmetic-coded": File(plain.replace(b"\xff\xc0", b"\xff\xc9", 1), 2006, "arithmetic"),
        "lossless": File(plain.replace(b"\xff\xc0", b"\xff\xc3", 1), 2006, "lossless"),
        "extended": File(plain.replace(b"\xff\xc0", b"\xff\xc1", 1), 2006, "extended"),
        "12 bits": File(edited(plain, 0xC0, 0, b"\x0c"), 2006, "12 bits"),
        "31 px wide": File(jpeg(scene(31, 64)), 2020, "31 x 64"),
        "31 px high": File(jpeg(scene(64, 31)), 2021, "64 x 31"),
        "8193 px wide": File(jpeg(scene(8193, 32)), 2020, "8193 x 32"),
        "a decompression bomb": File(edited(plain, 0xC0, 1, (65500).to_bytes(2, "big") * 2), 2020, "65500"),
        "a damaged table": File(edited(plain, 0xC4, 1, b"\xff" * 16), 2006, "damaged"),
    }


FILES = image_files()


@pytest.fixture(params=FILES)
def image_file(request):
    """Each kind in turn."""
    return FILES[request.param]


@pytest.fixture
def image_files_by_kind():
    return FILES
