"""Which file of a folder is the image of a name: image sets have names without suffix. Standard library only."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Of images, in any case, in the order in which they are preferred where a name has several files."""
_USUAL = (".jpg", ".jpeg", ".JPG", ".JPEG")


def is_image_name(name: str) -> bool:
    """Whether a file name ends as those of images do."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES


def image_file(folder: Path, name: str) -> Path | None:
    """The image `name` in a folder, with any suffix in any case; None where there is none."""
    for suffix in _USUAL:  # asked for first: a folder of a million images need not be listed then
        if (file := folder / (name + suffix)).exists():
            return file
    return min(image_files(folder, name), key=_rank, default=None)


def image_files(folder: Path, name: str) -> list[Path]:
    """All images of that name, such as a.jpg and a.png."""
    try:
        listed = _listed(str(folder), folder.stat().st_mtime_ns)
    except (OSError, ValueError):
        return []
    return [folder / file for file in listed.get(name, ())]


def _rank(file: Path) -> int:
    return IMAGE_SUFFIXES.index(file.suffix.lower())


@lru_cache(maxsize=4)
def _listed(folder: str, changed: int) -> dict[str, tuple[str, ...]]:
    """The image files of a folder by name without suffix; `changed` makes a changed folder another one."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in sorted(Path(folder).iterdir()):
        if is_image_name(entry.name):
            found[entry.stem] = (*found.get(entry.stem, ()), entry.name)
    return found
