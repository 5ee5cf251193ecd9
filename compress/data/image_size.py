"""How large an image is, and whether its file is whole."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from deploy.errors import DataError

# The Exif tag whose values 5 to 8 say that the image lies on its side.
ORIENTATION = 0x0112


def image_size(file: Path) -> tuple[int, int]:
    """Width and height in pixels as OpenCV shows the image: turned as the Exif orientation says.

    Raises DataError for a file that is missing, no image, or cut short.
    """
    try:
        with Image.open(file) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
            # Reading all of a file is the only way to see that it ends early; a small grey draft is enough for that.
            image.draft("L", (1, 1))
            image.load()
            return (height, width) if turned else (width, height)
    except FileNotFoundError:
        raise DataError(f"there is no image {file}") from None
    # ultralytics, once imported, hands what Pillow cannot open to a HEIF reader that may not be installed.
    except (UnidentifiedImageError, ImportError):
        found = "of no known format" if file.stat().st_size else "empty"
        raise DataError(f"{file} cannot be read as an image: the file is {found}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as fault:
        raise DataError(f"{file} cannot be read as an image: {fault}") from None
