"""How large an image is, whether its file is whole, and its pixels: as OpenCV shows them, turned by EXIF.

Files are read here and handed over as bytes: OpenCV crashes on names that are not UTF-8.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from compute_mAP.image_header import ImageHeader, read_image_header
from compute_mAP.regular_file import MEGABYTE, read_regular
from deploy.errors import DataError

MOST_PIXELS = Image.MAX_IMAGE_PIXELS * 2 if Image.MAX_IMAGE_PIXELS else 178_956_970
"""Of an image: some kilobytes of PNG can unfold to gigabytes. The largest cameras have 200 million, most 50."""
LONGEST = 1024 * MEGABYTE


def image_size(file: Path) -> tuple[int, int]:
    """Width and height in pixels as OpenCV shows the image: turned as the EXIF orientation says.

    Raises DataError for a file that is missing, no image, too large, or cut short.
    """
    content = _content(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content))
        with image:
            size, kind = image.size, image.format
            # Reading all of a file is the only way to see that it ends early; a small grey draft is enough for that.
            image.draft("L", (1, 1))
            image.load()
    # ultralytics, once imported, hands what Pillow cannot open to a HEIF reader that may not be installed.
    except (UnidentifiedImageError, ImportError):
        raise _unreadable(file, f"the file is {'of no known format' if content else 'empty'}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as fault:
        raise _unreadable(file, str(fault)) from None
    header = image_header(file)
    if header is not None:
        return header.shown_size
    if kind == "TIFF":  # whether a TIFF is turned depends on the libraries' versions
        height, width = read_pixels(file).shape[:2]
        return width, height
    return size


def image_header(file: Path) -> ImageHeader | None:
    """What the file says of its size and orientation; None for other formats and where it cannot be read."""
    try:
        return read_image_header(file)
    except OSError:
        return None


def read_pixels(file: Path) -> np.ndarray:
    """The image, uint8 [h, w, 3] in BGR, turned as its EXIF orientation says.

    Raises DataError for a file that is missing, no regular file, too large, or that cannot be decoded.
    """
    content = _content(file)
    header = image_header(file)
    if header is not None and header.width * header.height > MOST_PIXELS:
        raise _unreadable(file, f"it has {header.width} x {header.height} pixels, expected {MOST_PIXELS} at most")
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    except (cv2.error, MemoryError):
        pixels = None
    if pixels is None:
        raise _unreadable(file, "it cannot be decoded" if content else "the file is empty")
    return pixels


def _content(file: Path) -> bytes:
    if not file.exists():
        raise DataError(f"there is no image {file}")
    return read_regular(file, "image", LONGEST)


def _unreadable(file: Path, reason: str) -> DataError:
    return DataError(f"{file} cannot be read as an image: {reason}")
