"""SHA-256 of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from compute_mAP.regular_file import open_regular


def file_sha256(path: Path | str) -> str:
    """The SHA-256 of a regular file as 64 hexadecimal digits. Raises OSError where it cannot be read, or is none."""
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
