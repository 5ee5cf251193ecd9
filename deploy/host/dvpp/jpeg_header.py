"""What a JPEG file says about itself before it is decoded (ITU-T T.81 markers), and whether it is all there.

cv2.imdecode fills what is missing from a truncated file with grey and says nothing; the board's decoder refuses it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from deploy.sdk_codes import INVALID_FORMAT, INVALID_IMAGE_HEIGHT, INVALID_IMAGE_WIDTH, JPEG_DECODE_FAIL, SdkFault

SIDE_RANGE = (32, 8192)  # pixels that JPEGD decodes
_MAGIC = b"\xff\xd8\xff"
_END = b"\xff\xd9"
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_APP0, _APP14 = 0xE0, 0xEE
_STANDALONE = frozenset(range(0xD0, 0xD9)) | {0x01}  # markers without a length
# inside a scan, FF is followed by 00 (a data byte), by a restart marker or by more FF; anything else ends the scan
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class Component(NamedTuple):
    """One colour plane: its id in the scans, and how many samples across and down it has in a block of the image."""

    name: int
    across: int
    down: int


class JpegHeader(NamedTuple):
    """What comes before the first scan's data, which begin at `scan_start`.

    The size is as stored (before any EXIF rotation), `coding` the marker of the frame header (C0: baseline),
    `precision` in bits. `adobe` is the colour transform of an Adobe segment (0: none, so RGB or CMYK; None: there is no
    such segment). `frame_at`, `scan_at` and `jfif_at` are where the contents of those segments begin (0: none).
    """

    width: int
    height: int
    scan_start: int
    coding: int = 0xC0
    precision: int = 8
    components: tuple[Component, ...] = ()
    adobe: int | None = None
    frame_at: int = 0
    scan_at: int = 0
    jfif_at: int = 0


def read_header(data: bytes) -> JpegHeader:
    """Read the segments up to the first scan. Raises SdkFault 2019 where this is no JPEG, 2006 where it breaks off."""
    if not data:
        raise SdkFault(INVALID_FORMAT, "the image is empty (0 bytes)")
    if not data.startswith(_MAGIC):
        raise SdkFault(
            INVALID_FORMAT,
            f"the image is not a JPEG (it begins with {data[:4].hex(' ')}, a JPEG with ff d8 ff); "
            "the board decodes JPEG only",
        )
    frame = scan = jfif = coding = 0
    adobe = None
    position = 2
    while True:
        marker, start, end = _segment(data, position)
        if marker in _START_OF_FRAME:
            frame, coding = start, marker
            count = data[start + 5] if end - start > 5 else 255
            if end - start < 6 + 3 * count:
                raise _broken("its frame header is too short")
        elif marker == _START_OF_SCAN:
            scan = start
            break
        elif marker == _APP0 and data.startswith(b"JFIF\0", start):
            jfif = start
        elif marker == _APP14 and data.startswith(b"Adobe", start) and end - start >= 12:
            adobe = data[start + 11]
        position = end
    if not frame:
        raise _broken("a scan comes before the frame header")
    height, width = (int.from_bytes(data[frame + i : frame + i + 2], "big") for i in (1, 3))
    planes = range(frame + 6, frame + 6 + 3 * data[frame + 5], 3)
    components = tuple(Component(data[at], data[at + 1] >> 4, data[at + 1] & 15) for at in planes)
    return JpegHeader(width, height, end, coding, data[frame], components, adobe, frame, scan, jfif)


def check_size(header: JpegHeader) -> None:
    """Raise SdkFault 2020 or 2021 for an image that the board's decoder does not take."""
    for side, value, code in (
        ("width", header.width, INVALID_IMAGE_WIDTH),
        ("height", header.height, INVALID_IMAGE_HEIGHT),
    ):
        if not SIDE_RANGE[0] <= value <= SIDE_RANGE[1]:
            raise SdkFault(
                code,
                f"the image is {header.width} x {header.height} px; the board decodes a {side} of "
                f"{SIDE_RANGE[0]} to {SIDE_RANGE[1]} px",
            )


def check_complete(data: bytes, header: JpegHeader) -> None:
    """Raise SdkFault 2006 where the file ends before its end marker."""
    if data.endswith(_END):
        return
    # Something follows the end marker, or there is none: walk the scans to find out.
    position = header.scan_start
    while True:
        match = _SCAN_END.search(data, position)
        if match is None:
            raise _broken("the file breaks off before its end marker")
        if match.group() == _END:
            return
        _, _, position = _segment(data, match.start())


def scan_headers(data: bytes, header: JpegHeader) -> list[int]:
    """Where the content of each scan's header begins, for files that have a scan for each plane."""
    found = [header.scan_at]
    position = header.scan_start
    while match := _SCAN_END.search(data, position):
        if match.group() == _END:
            break
        marker, start, position = _segment(data, match.start())
        if marker == _START_OF_SCAN:
            found.append(start)
    return found


def _segment(data: bytes, position: int) -> tuple[int, int, int]:
    """The marker at `position` and where its content begins and ends."""
    size = len(data)
    while position + 1 < size and data[position] == 0xFF and data[position + 1] == 0xFF:
        position += 1  # fill bytes
    if position + 2 > size:
        raise _broken("the file breaks off in its header")
    if data[position] != 0xFF:
        raise _broken(f"byte {position} should begin a segment")
    marker = data[position + 1]
    if marker in _STANDALONE:
        return marker, position + 2, position + 2
    length = int.from_bytes(data[position + 2 : position + 4], "big")
    end = position + 2 + length
    if marker == _END[1] or position + 4 > size or end > size:
        raise _broken("the file breaks off in its header")
    if length < 2:
        raise _broken(f"the segment at byte {position} has no length")
    return marker, position + 4, end


def _broken(why: str) -> SdkFault:
    return SdkFault(JPEG_DECODE_FAIL, f"the JPEG is truncated or damaged: {why}")
