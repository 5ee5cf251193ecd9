"""The size of an image file, and the files that are none."""

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from compress.data.image_size import image_size, read_pixels
from deploy.errors import DataError


def save(file: Path, orientation: int | None = None, mode: str = "RGB") -> Path:
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.effect_noise((60, 40), 50).convert(mode).save(file, format="JPEG", exif=exif)
    return file


@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
def test_size_is_the_one_opencv_shows(tmp_path: Path, orientation: int | None) -> None:
    file = save(tmp_path / "a.jpg", orientation)
    height, width = cv2.imread(str(file)).shape[:2]
    assert image_size(file) == (width, height) == ((40, 60) if orientation in (5, 6, 7, 8) else (60, 40))


def test_grey_image(tmp_path: Path) -> None:
    assert image_size(save(tmp_path / "a.jpg", mode="L")) == (60, 40)


def test_bad_files(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.jpg").read_bytes()
    bad = {"empty.jpg": b"", "text.jpg": b"hello", "short.jpg": whole[: len(whole) // 2], "head.jpg": whole[:30]}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name} cannot be read as an image"):
            image_size(tmp_path / name)
    with pytest.raises(DataError, match=r"there is no image .*gone\.jpg"):
        image_size(tmp_path / "gone.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 6, 3])
def test_size_and_pixels_agree_in_every_format(tmp_path: Path, kind: str, orientation: int) -> None:
    """Also where XMP says something else, which Pillow believes and decoders do not."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    xmp = b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="8"/>'
    more = {"exif": exif} if orientation > 1 else {"xmp": xmp}
    Image.effect_noise((60, 40), 50).convert("RGB").save(tmp_path / "a", kind, **({} if kind == "BMP" else more))
    height, width = read_pixels(tmp_path / "a").shape[:2]
    assert image_size(tmp_path / "a") == (width, height)


def _png_of(width: int, height: int) -> bytes:
    """A PNG that says it is that large and has next to no data."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("read", [image_size, read_pixels])
def test_bombs_pipes_and_devices_are_refused_at_once(tmp_path: Path, read: object) -> None:
    (tmp_path / "bomb.png").write_bytes(_png_of(60000, 60000))
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name, sentence in (("bomb", "pixels"), ("pipe", "not a regular file"), ("zero", "not a regular file")):
        with pytest.raises(DataError, match=sentence):
            read(tmp_path / f"{name}.png")  # type: ignore[operator]


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (60, 40)).save(out, "JPEG")
    file = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    file.write_bytes(out.getvalue())
    assert read_pixels(file).shape == (40, 60, 3) and image_size(file) == (60, 40)
    assert np.all(read_pixels(file) == 0)
