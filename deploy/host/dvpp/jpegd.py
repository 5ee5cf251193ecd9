"""JPEGD: which JPEG files the chip decodes, and what comes out: NV12 in full-range values.

Source: CANN's JPEGD documentation and MxpiImageDecoder.cpp. Baseline Huffman files of 8 bits with one plane (grey) or
three (Y, Cb, Cr) sampled 4:4:4, 4:2:2, 4:2:0 or 4:4:0; the chip's output is always 4:2:0. EXIF orientation is applied.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from deploy.host.dvpp.jpeg_header import JpegHeader, check_complete, check_size, read_header, scan_headers
from deploy.sdk_codes import JPEG_DECODE_FAIL, SdkFault

STRIDE = {"310": (128, 16), "310P": (64, 16)}
"""To what the decoder's buffer is aligned, across and down, by chip."""
GREY_CHROMA = 128
_BASELINE, _NAMES = 0xC0, {0xC1: "extended sequential", 0xC2: "progressive", 0xC3: "lossless"}
# how many samples of Y there are for one of chroma, across and down
_444, _422, _420, _440 = (1, 1), (2, 1), (2, 2), (1, 2)
_SAMPLINGS = {_444: "4:4:4", _422: "4:2:2", _420: "4:2:0", _440: "4:4:0"}


class Nv12(NamedTuple):
    """A decoded image: `planes` is uint8 [h * 3 / 2, w] with h and w rounded up to even, the real size in pixels."""

    planes: np.ndarray
    width: int
    height: int


def check(data: bytes) -> JpegHeader:
    """Read the header of what JPEGD takes.

    Raises SdkFault: 2019 not a JPEG, 2020/2021 a width or height outside 32..8192 px, 2006 truncated or damaged, or
    of a kind that JPEGD does not decode.
    """
    header = read_header(data)
    check_size(header)
    if header.coding != _BASELINE:
        kind = "arithmetic-coded" if header.coding > 0xC8 else _NAMES.get(header.coding, "hierarchical")
        raise _unsupported(f"{kind} (FF {header.coding:02X})", "baseline Huffman coding (FF C0)")
    if header.precision != 8:
        raise _unsupported(f"of {header.precision} bits a sample", "8 bits")
    planes = len(header.components)
    if planes not in (1, 3):
        raise _unsupported(f"of {planes} planes{' (CMYK or YCCK)' if planes == 4 else ''}", "grey or YUV images")
    if planes == 3:
        if _is_rgb(header):
            raise _unsupported("RGB inside", "YUV images")
        if _sampling(header) not in _SAMPLINGS:
            factors = " ".join(f"{plane.across}x{plane.down}" for plane in header.components)
            raise _unsupported(f"sampled {factors}", f"{', '.join(_SAMPLINGS.values())} and 4:0:0")
    check_complete(data, header)
    return header


def decode(data: bytes, header: JpegHeader) -> Nv12:
    """What JPEGD makes of a file that `check` has passed. Raises SdkFault 2006 for damaged data.

    Y is the file's own plane. Cb and Cr of a 4:2:0 file are too; of other files they are averaged down, which way the
    chip does that is not documented.
    """
    luma = _imdecode(data, cv2.IMREAD_GRAYSCALE)
    height, width = luma.shape
    rows, columns = height + height % 2, width + width % 2
    planes = np.empty((rows * 3 // 2, columns), np.uint8)
    if (rows, columns) == (height, width):
        planes[:rows] = luma
    else:  # the last column or row is doubled, much as an encoder fills its blocks
        cv2.copyMakeBorder(luma, 0, rows - height, 0, columns - width, cv2.BORDER_REPLICATE, dst=planes[:rows])
    if len(header.components) == 1:
        planes[rows:] = GREY_CHROMA
        return Nv12(planes, width, height)
    uv = planes[rows:].reshape(rows // 2, columns // 2, 2)
    chroma = _chroma(data, header)
    if chroma.shape[:2] != uv.shape[:2]:
        raise _damaged()
    cv2.mixChannels([chroma], [uv], [1, 0, 0, 1])  # OpenCV's order: Cr, Cb, Y
    return Nv12(planes, width, height)


def decode_bgr(data: bytes) -> np.ndarray:
    """The same file as uint8 [h, w, 3] BGR, full resolution of chroma (libjpeg). Raises SdkFault 2006."""
    return _imdecode(data, cv2.IMREAD_COLOR)


def _chroma(data: bytes, header: JpegHeader) -> np.ndarray:
    """Cr, Cb and Y at half the size, uint8 [ceil(h / 2), ceil(w / 2), 3]."""
    raw = _as_rgb(data, header)
    sampling = _sampling(header)
    if sampling == _420:
        # at half scale libjpeg gives planes of half the size as they are
        return _imdecode(raw, cv2.IMREAD_REDUCED_COLOR_2)
    pixels = _imdecode(raw, cv2.IMREAD_COLOR)
    # an EXIF rotation by a quarter has swapped what is across and what is down
    turned = sampling != _444 and (header.width > header.height) != (pixels.shape[1] > pixels.shape[0])
    if sampling == (_440 if turned else _422):
        return _mean_rows(_plane_columns(pixels))
    if sampling != _444:
        return _mean_rows(_plane_columns(pixels.transpose(1, 0, 2))).transpose(1, 0, 2)
    return _halved(pixels)


def _as_rgb(data: bytes, header: JpegHeader) -> bytearray:
    """The same file with its planes called R, G, B, so that a decoder hands them over without converting colours."""
    edited = bytearray(data)
    names = {plane.name: name for plane, name in zip(header.components, b"RGB")}
    for index, name in enumerate(names.values()):
        edited[header.frame_at + 6 + 3 * index] = name
    interleaved = data[header.scan_at] == len(names)
    for scan in [header.scan_at] if interleaved else scan_headers(data, header):
        for at in range(scan + 1, scan + 1 + 2 * data[scan], 2):
            edited[at] = names.get(data[at], data[at])
    if header.jfif_at:
        edited[header.jfif_at - 3] = 0xE3  # JFIF means YCbCr: make it a segment that no one reads
    if header.adobe is not None:
        edited[edited.index(b"Adobe", 2, header.scan_at) - 3] = 0xE3
    return edited


def _plane_columns(pixels: np.ndarray) -> np.ndarray:
    """Undo libjpeg's triangle filter, which made columns (3 c + l) / 4 and (3 c + r) / 4 of c and its neighbours."""
    if pixels.shape[1] % 2:
        pixels = np.concatenate([pixels, pixels[:, -1:]], axis=1)
    wide = pixels.astype(np.int16)
    left, right = wide[:, 0::2], wide[:, 1::2]
    before = np.concatenate([left[:, :1], right[:, :-1]], axis=1)
    after = np.concatenate([left[:, 1:], right[:, -1:]], axis=1)
    return np.clip((3 * (left + right) - before - after + 2) >> 2, 0, 255).astype(np.uint8)


def _mean_rows(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[0] % 2:
        pixels = np.concatenate([pixels, pixels[-1:]])
    return ((pixels[0::2].astype(np.uint16) + pixels[1::2] + 1) >> 1).astype(np.uint8)


def _halved(pixels: np.ndarray) -> np.ndarray:
    """The mean of each 2 x 2 pixels."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return cv2.resize(pixels, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)


def _imdecode(data: bytes | bytearray, flags: int) -> np.ndarray:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise _damaged()
    return pixels


def _sampling(header: JpegHeader) -> tuple[float, float]:
    luma, first, second = header.components
    if first[1:] != second[1:] or 0 in (*first[1:], *luma[1:]):
        return 0, 0
    return luma.across / first.across, luma.down / first.down


def _is_rgb(header: JpegHeader) -> bool:
    """By libjpeg's rule: JFIF means YCbCr, else Adobe's transform decides, else the planes' names."""
    if header.jfif_at:
        return False
    if header.adobe is not None:
        return header.adobe == 0
    return bytes(plane.name for plane in header.components) == b"RGB"


def _unsupported(found: str, taken: str) -> SdkFault:
    return SdkFault(JPEG_DECODE_FAIL, f"the JPEG is {found}; the board decodes {taken}")


def _damaged() -> SdkFault:
    return SdkFault(JPEG_DECODE_FAIL, "the JPEG is damaged or of a kind that does not decode")
