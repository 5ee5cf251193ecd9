"""The data.yaml file of YOLOv5 and ultralytics: class names, and where the images of each split lie.

Format: https://docs.ultralytics.com/datasets/detect/ . Unlike ultralytics, a relative `path` is looked for beside the
file and nowhere else, and nothing is ever downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.yaml_file import read_yaml
from compute_mAP.class_names import name_fault
from compute_mAP.image_file import is_image_name
from compute_mAP.text_file import read_lines
from compute_mAP.voc_devkit import LONGEST_SET
from deploy.errors import DataError, UsageError
from deploy.wording import nearest, shortened

_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class DataSet:
    """A YOLO data set. `names[i]` is the name of class i; `sources` holds the folders and list files of each split."""

    file: Path
    names: list[str]
    sources: dict[str, list[Path]]

    def images(self, split: str) -> list[Path]:
        """The images of one split ("train", "val" or "test"), sorted within a folder, in file order from a list.

        An image that is named twice counts once.

        Raises DataError when the file has no such split, when a source or a listed image is missing, and when
        the split is empty; UsageError for a split of another name.
        """
        if split not in SPLITS:
            raise UsageError(f"unknown split '{split}'{nearest(split, SPLITS)}: expected train, val or test")
        if split not in self.sources:
            raise DataError(f"{self.file}: there is no key '{split}', so the data set has no {split} images")
        listed: list[Path] = []
        for source in self.sources[split]:
            if source.is_dir():
                listed.extend(_in_folder(source))
            elif source.is_file() and source.suffix == ".txt":
                listed.extend(_in_list(source))
            elif source.is_file():
                raise DataError(f"{self.file}: key '{split}' names {source}; expected a folder or a .txt list file")
            else:
                raise DataError(f"{self.file}: key '{split}' names {source}, which does not exist")
        if not listed:
            raise DataError(f"{self.file}: the {split} split is empty: no image in {shortened(self.sources[split])}")
        return _each_once(listed)


def load_data_yaml(path: Path | str) -> DataSet:
    """Read a data.yaml. Images are looked for only when `DataSet.images` is called.

    Keys: `path` (optional root folder, absolute or relative to the file), `train` and `val` and optionally `test`
    (a folder, a .txt list, or a list of these), `names` (a list, or a mapping from 0, 1, 2 ..., also in quotes, to
    names), and optionally `nc` (the number of classes).

    Raises DataError for a file that is missing, not YAML or not a mapping, for a key that is missing or wrong, and for
    a class name that is more than a line of printable text or too long to be part of a file's name.
    """
    file = Path(path)
    content = _mapping(file)
    for key in ("train", "val", "names"):
        if content.get(key) is None:
            raise DataError(f"{file}: the key '{key}' is missing{nearest(key, map(str, content))}")
    names = _names(file, content["names"])
    count = content.get("nc")
    if count is not None and count != len(names):
        raise DataError(f"{file}: nc is {count}, but names holds {len(names)} classes: {shortened(names)}")
    root = content.get("path")
    if not isinstance(root, (str, type(None))):
        raise DataError(f"{file}: the key 'path' is {root!r}; expected a folder")
    base = file.parent / (root or "")
    sources = {key: _sources(file, base, key, content[key]) for key in SPLITS if content.get(key) is not None}
    return DataSet(file, names, sources)


def _mapping(file: Path) -> dict[Any, Any]:
    content = read_yaml(file, "data file")
    if not isinstance(content, dict):
        raise DataError(f"{file}: expected a mapping with the keys train, val and names, found {_kind(content)}")
    return content


def _names(file: Path, value: object) -> list[str]:
    if isinstance(value, dict):
        plain = {int(key) if isinstance(key, str) and _NUMBER.fullmatch(key) else key: value[key] for key in value}
        value = plain if len(plain) == len(value) else value
        if sorted(value, key=str) != sorted(range(len(value)), key=str):
            keys = shortened([repr(key) for key in value])
            raise DataError(f"{file}: the keys of 'names' are {keys}; expected 0 to {len(value) - 1} without a gap")
        value = [value[i] for i in range(len(value))]
    if not isinstance(value, list) or not value:
        raise DataError(f"{file}: the key 'names' is {_kind(value)}; expected a list of class names")
    names: list[str] = []
    for i, name in enumerate(value):
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            raise DataError(f"{file}: the name of class {i} is read as {name!r}; expected text (put it in quotes)")
        names.append(str(name).strip())
    if fault := name_fault(names):
        raise DataError(f"{file}: the name of class {fault[0]} {fault[1]}; expected one line of text, each name once")
    return names


def _sources(file: Path, base: Path, key: str, value: object) -> list[Path]:
    entries = value if isinstance(value, list) else [value]
    sources = [_source(base, entry) for entry in entries if isinstance(entry, str) and entry.strip()]
    if not sources or len(sources) != len(entries):
        raise DataError(f"{file}: the key '{key}' is {value!r}; expected a folder, a .txt list or a list of these")
    return sources


def _source(base: Path, entry: str) -> Path:
    source = base / entry
    # Roboflow writes ../train/images for a folder that lies beside the file.
    if not source.exists() and entry.startswith("../") and (base / entry[3:]).exists():
        return base / entry[3:]
    return source


def _each_once(images: list[Path]) -> list[Path]:
    """Drop an image that a folder and a list, or two spellings of a path, name again."""
    folders: dict[Path, Path] = {}
    found: dict[Path, Path] = {}
    for image in images:
        if image.parent not in folders:
            folders[image.parent] = image.parent.resolve()
        # The last part is not resolved: a link's label file lies beside the link.
        found.setdefault(folders[image.parent] / image.name, image)
    return list(found.values())


def _in_folder(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if is_image_name(path.name) and path.is_file())


def _in_list(file: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for number, line in enumerate(read_lines(file, "image list", LONGEST_SET), 1):
        entry = line.strip()
        if not entry or entry in seen:
            continue
        seen.add(entry)
        image = file.parent / entry
        if "\0" in entry or not image.is_file():
            raise DataError(f"{file}: line {number}: there is no image {str(image)[:300]!r}")
        yield image


def _kind(value: object) -> str:
    return "nothing" if value is None or value == [] else f"{type(value).__name__} {str(value)[:60]!r}"
