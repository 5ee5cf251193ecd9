"""What a data set holds, as one hash: whether a run may go on, or a stage must be done again, is asked of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from compress.data.data_yaml import DataSet
from compress.data.labels import LONGEST, label_path
from compute_mAP.regular_file import read_regular


def content_hash(data: DataSet, splits: Iterable[str]) -> str:
    """SHA-256 over the class names and, for each split, the images' names and sizes in bytes and their labels' text.

    The order in which a list names its images counts, where they lie does not. Images are not read: one whose
    pixels changed but not its length goes unnoticed. Raises DataError as `DataSet.images` does, and for a label file
    that cannot be read.
    """
    digest = hashlib.sha256(json.dumps(data.names).encode())
    for split in splits:
        for image in data.images(split):
            label = label_path(image)
            digest.update(f"\n{split} {image.name} {image.stat().st_size} ".encode("utf-8", "surrogateescape"))
            digest.update(_text_of(label))
    return digest.hexdigest()


def _text_of(label: Path) -> bytes:
    return read_regular(label, "label file", LONGEST) if label.exists() else b""
