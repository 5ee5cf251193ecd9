"""The stream takes JPEG alone, as the board's decoder does; images of other formats are encoded on their way there."""

from __future__ import annotations

from pathlib import Path

from compute_mAP.image_header import read_image_header
from deploy.errors import DataError

LARGEST_SIDE = 8192
"""Of what the board decodes, in pixels. A file that says more is not unfolded: its kilobytes could fill the memory."""
_MAGIC = b"\xff\xd8\xff"


def as_jpeg(file: Path, content: bytes) -> bytes:
    """The image as JPEG, turned as its EXIF orientation says; one that is JPEG already as it is.

    Raises DataError for one that cannot be decoded, is too large for the board, or where cv2 is missing.
    """
    if content.startswith(_MAGIC):
        return content
    try:
        import cv2
        import numpy as np
    except ImportError:
        raise DataError(f"{file} is no JPEG, which is all the stream takes; convert it, or run where cv2 is") from None
    header = read_image_header(file)
    if header and max(header.width, header.height) > LARGEST_SIDE:
        raise DataError(
            f"{file} has {header.width} x {header.height} pixels; the board takes sides of {LARGEST_SIDE} at most"
        )
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise DataError(f"{file} cannot be decoded as an image")
    done, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])
    if not done:
        raise DataError(f"{file} cannot be encoded as JPEG")
    return encoded.tobytes()
