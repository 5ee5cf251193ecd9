"""What an image file says before its pixels: the size as stored, and the EXIF orientation. Standard library only.

JPEG (ITU-T T.81), PNG (its third edition, with the eXIf chunk), BMP and WEBP (its container specification). The
orientation is tag 0x0112 of EXIF 2.3, as OpenCV applies it when it decodes, and the chip to a JPEG. One that stands in
XMP is applied by neither and is not read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from compute_mAP.regular_file import open_regular

UPRIGHT = 1
"""The orientation of an image that is shown as it is stored; 5 to 8 swap its sides."""
_TAG = 0x0112
_LONGEST_EXIF = 1 << 20
_MOST_SEGMENTS = 100_000
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class ImageHeader(NamedTuple):
    """`width` and `height` in pixels as stored, `orientation` 1 to 8: how to turn the image to show it."""

    width: int
    height: int
    orientation: int = UPRIGHT

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height in pixels of the image as it is shown."""
        return (self.height, self.width) if self.orientation > 4 else (self.width, self.height)


def read_image_header(path: Path | str) -> ImageHeader | None:
    """The header of an image file; None where it is none of the four formats or breaks off before it has said its size.

    Raises OSError for a file that cannot be opened, or is no regular one.
    """
    with open_regular(path) as file:
        start = file.read(16)
        for magic, read in _READERS.items():
            if start.startswith(magic):
                file.seek(0)
                try:
                    found = read(file)
                except (struct.error, ValueError, OverflowError):
                    return None
                return found if found and found.width > 0 and found.height > 0 else None
    return None


def _jpeg(file: BufferedReader) -> ImageHeader | None:
    size: tuple[int, int] | None = None
    orientation = 0
    file.seek(2)
    for _ in range(_MOST_SEGMENTS):
        marker = _next_marker(file)
        if marker in (None, 0xD9, 0xDA):  # EXIF may stand behind the frame's header too, but not behind its data
            break
        if 0xD0 <= marker <= 0xD8 or marker == 0x01:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        begin = file.tell()
        if marker in _START_OF_FRAME:
            _, height, width = struct.unpack(">BHH", file.read(5))
            size = width, height
        elif marker == 0xE1 and not orientation:
            content = file.read(length - 2)
            if content.startswith(b"Exif\0\0"):
                orientation = _orientation(content[6:])
        file.seek(begin + length - 2)
    return ImageHeader(*size, orientation or UPRIGHT) if size else None


def _next_marker(file: BufferedReader) -> int | None:
    byte = file.read(1)
    if byte != b"\xff":
        return None
    while byte == b"\xff":
        byte = file.read(1)
    return byte[0] if byte else None


def _png(file: BufferedReader) -> ImageHeader | None:
    file.seek(8)
    size: tuple[int, int] | None = None
    orientation = 0
    for _ in range(_MOST_SEGMENTS):
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        begin = file.tell()
        if kind == b"IHDR":
            size = struct.unpack(">II", file.read(8))
        elif kind == b"eXIf" and not orientation:
            orientation = _orientation(file.read(min(length, _LONGEST_EXIF)))
        elif kind == b"IEND":
            break
        file.seek(begin + length + 4)
    return ImageHeader(*size, orientation or UPRIGHT) if size else None


def _webp(file: BufferedReader) -> ImageHeader | None:
    file.seek(8)
    if file.read(4) != b"WEBP":
        return None
    size: tuple[int, int] | None = None
    orientation = 0
    for _ in range(_MOST_SEGMENTS):
        head = file.read(8)
        if len(head) < 8:
            break
        kind, length = struct.unpack("<4sI", head)
        begin = file.tell()
        if kind == b"VP8X":
            content = file.read(10)
            size = 1 + int.from_bytes(content[4:7], "little"), 1 + int.from_bytes(content[7:10], "little")
        elif kind == b"VP8 " and not size:
            width, height = struct.unpack("<6xHH", file.read(10))
            size = width & 0x3FFF, height & 0x3FFF
        elif kind == b"VP8L" and not size:
            (bits,) = struct.unpack("<xI", file.read(5))
            size = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        elif kind == b"EXIF" and not orientation:
            content = file.read(min(length, _LONGEST_EXIF))
            orientation = _orientation(content[6:] if content.startswith(b"Exif\0\0") else content)
        file.seek(begin + length + length % 2)
    return ImageHeader(*size, orientation or UPRIGHT) if size else None


def _bmp(file: BufferedReader) -> ImageHeader | None:
    file.seek(14)
    (length,) = struct.unpack("<I", file.read(4))
    if length == 12:  # OS/2
        return ImageHeader(*struct.unpack("<HH", file.read(4)))
    width, height = struct.unpack("<ii", file.read(8))
    return ImageHeader(width, abs(height))  # a negative height: the first row is the top one


def _orientation(tiff: bytes) -> int:
    """The orientation in the TIFF part of an EXIF block; 0 where it has none, or none from 1 to 8."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 0
    mark, place = struct.unpack_from(f"{order}HI", tiff, 2)
    if mark != 42 or place + 2 > len(tiff):
        return 0
    (count,) = struct.unpack_from(f"{order}H", tiff, place)
    for at in range(place + 2, min(place + 2 + 12 * count, len(tiff) - 11), 12):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at)
        if tag == _TAG:
            return value if 1 <= value <= 8 else 0
    return 0


_READERS: dict[bytes, Callable[[BufferedReader], ImageHeader | None]] = {
    b"\xff\xd8\xff": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"RIFF": _webp,
    b"BM": _bmp,
}
