"""Names of files for libraries that take UTF-8 alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def plain_name(path: Path) -> Iterator[str]:
    """The file's absolute name, or a link to it where that is no UTF-8: cv2 ends the whole process of such a name.

    The file may be one that is still to be written. An absolute name is never taken for something else than a file, as
    FFmpeg takes concat:a.
    """
    place = path.absolute()
    if is_utf8(str(place)):
        yield str(place)
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"file{place.suffix.lower()}"
        link.symlink_to(place)
        yield str(link)


def is_utf8(text: str) -> bool:
    """Whether a name has no bytes that are no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
