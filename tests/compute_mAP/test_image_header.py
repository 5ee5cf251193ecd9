"""What image files say of themselves, held against OpenCV, which decodes them."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from compute_mAP.image_header import read_image_header

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def encoded(kind: str, orientation: int | None = None, order: str = "<", **more: object) -> bytes:
    """An image of 60 x 40 pixels, lossless where the kind can be."""
    out = io.BytesIO()
    if orientation is not None:
        exif = Image.Exif()
        exif.endian = order
        exif[0x0112] = orientation
        more["exif"] = exif
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(out, kind, **more)
    return out.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_orientation_as_opencv_sees_it(tmp_path: Path, kind: str, orientation: int) -> None:
    data = encoded(kind, orientation)
    (tmp_path / "a").write_bytes(data)
    header = read_image_header(tmp_path / "a")
    assert header == (60, 40, orientation)
    height, width = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    assert header.shown_size == (width, height)


def with_segment(content: bytes, before: bytes) -> bytes:
    """A JPEG with one more APP1 segment in front of the marker `before`."""
    plain = encoded("JPEG")
    place = plain.index(before)
    return plain[:place] + b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content + plain[place:]


TURNED = bytes.fromhex("4d4d002a00000008" + "0001" + "0112" + "0003" + "00000001" + "0006" + "0000" + "00000000")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(encoded("JPEG"), (60, 40, 1), id="JPEG without EXIF"),
        pytest.param(encoded("JPEG", 6, ">"), (60, 40, 6), id="the other byte order"),
        pytest.param(encoded("JPEG", 9), (60, 40, 1), id="no such orientation"),
        pytest.param(encoded("JPEG", xmp=XMP), (60, 40, 1), id="in XMP, which no decoder applies"),
        pytest.param(with_segment(b"Exif\0\0" + TURNED, b"\xff\xda"), (60, 40, 6), id="behind the frame's header"),
        pytest.param(with_segment(b"Exif\0\xff" + TURNED, b"\xff\xdb"), (60, 40, 1), id="not quite EXIF's mark"),
        pytest.param(encoded("JPEG", progressive=True), (60, 40, 1), id="progressive"),
        pytest.param(encoded("WEBP", lossless=True), (60, 40, 1), id="lossless WEBP"),
        pytest.param(encoded("WEBP"), (60, 40, 1), id="plain WEBP"),
        pytest.param(encoded("BMP"), (60, 40, 1), id="BMP"),
        pytest.param(encoded("JPEG", 6)[:40], None, id="broken off"),
        pytest.param(encoded("PNG")[:12], None, id="PNG broken off"),
        pytest.param(b"", None, id="empty"),
        pytest.param(b"GIF89a" + bytes(20), None, id="another format"),
    ],
)
def test_headers(tmp_path: Path, data: bytes, found: tuple[int, int, int] | None) -> None:
    (tmp_path / "a").write_bytes(data)
    assert read_image_header(tmp_path / "a") == found
    if found and (image := cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)) is not None:
        assert read_image_header(tmp_path / "a").shown_size == image.shape[1::-1], "not as OpenCV turns it"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_damaged_headers_end_in_an_answer(tmp_path: Path, kind: str) -> None:
    data = encoded(kind, None if kind == "BMP" else 6)
    random = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(data[: random.integers(8, len(data))])
        for place in random.integers(4, len(damaged), 4) if len(damaged) > 8 else ():
            damaged[place] = random.integers(256)
        (tmp_path / "a").write_bytes(damaged)
        header = read_image_header(tmp_path / "a")
        assert header is None or header.orientation in range(1, 9)
