"""A Pascal VOC devkit: where the images, the annotations and the image sets of one year lie, and one image set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from compute_mAP.errors import DataError
from compute_mAP.image_file import image_file, is_image_name
from compute_mAP.regular_file import MEGABYTE
from compute_mAP.text_file import read_lines
from compute_mAP.wording import nearest, shortened

DEFAULT_YEAR = "VOC2007"
DEFAULT_IMAGE_SET = "test"
LONGEST_SET = 256 * MEGABYTE
IMAGES = "JPEGImages"
FOLDERS = ("Annotations", "ImageSets", IMAGES)


class Devkit(NamedTuple):
    """One year and one image set of a devkit; `notes` says what was taken in place of what was asked for."""

    year: str
    image_set: str
    image_set_file: Path
    annotations: Path
    images: Path
    notes: list[str]

    def read_image_set(self) -> ImageSet:
        """The names of the image set. Raises DataError as the function of that name does."""
        return read_image_set(self.image_set_file, (self.images, self.annotations))


class Year(NamedTuple):
    """One year of a devkit, whatever its image sets."""

    year: str
    folder: Path
    annotations: Path
    images: Path
    notes: list[str]


class ImageSet(NamedTuple):
    """The image names of an image set, without suffix, each once and in file order, and what was odd about it."""

    names: list[str]
    notes: list[str]


def find_devkit(root: Path | str, year: str | None = None, image_set: str | None = None, images: bool = True) -> Devkit:
    """Find one year ("VOC2007" or "2007") and one image set ("test") in a VOCdevkit folder.

    Without `year` it is VOC2007, without `image_set` it is test; where the devkit has only one, that one. `root`
    may be the folder of a year too. Where `images` are not needed, their folder may be missing.

    Raises DataError for a folder that is missing or incomplete, and for a year or image set that is not there.
    """
    found = find_year(root, year, images)
    main = _subfolder(_subfolder(found.folder, "ImageSets"), "Main")
    sets = sorted(entry.stem for entry in main.glob("*.txt"))
    chosen = _choose("image set", image_set, DEFAULT_IMAGE_SET, sets, main, found.notes)
    return Devkit(found.year, chosen, main / f"{chosen}.txt", found.annotations, found.images, found.notes)


def find_year(root: Path | str, year: str | None = None, images: bool = True) -> Year:
    """Find one year ("VOC2007" or "2007") in a VOCdevkit folder, with its annotations and images.

    Without `year` it is VOC2007, or the only one; `root` may be the folder of a year too. Where `images` are not
    needed, their folder may be missing.

    Raises DataError for a folder that is missing or incomplete, and for a year that is not there.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise DataError(f"the devkit {folder} {'is not a folder' if folder.exists() else 'does not exist'}")
    notes: list[str] = []
    wanted = f"VOC{year}" if re.fullmatch(r"\d{4}", year or "") else year
    years = [name for name in _folders_in(folder) if _is_year(folder / name)]
    if not years and _is_year(folder):
        # Resolved where the path, such as "." or "..", does not say the folder's name.
        own = folder.name if folder.name not in ("", "..") else folder.resolve().name
        if wanted not in (None, own):
            raise DataError(f"{folder} is the folder of {own}, not of {wanted}; expected the VOCdevkit folder above it")
        notes.append(f"{folder} is not a VOCdevkit folder but that of one year, {own}, which is taken")
    else:
        own = _choose("year", wanted, DEFAULT_YEAR, years, folder, notes)
        folder = folder / own
    annotations = _subfolder(folder, "Annotations")
    return Year(own, folder, annotations, _subfolder(folder, IMAGES) if images else folder / IMAGES, notes)


def read_image_set(path: Path | str, folders: Sequence[Path] = ()) -> ImageSet:
    """Read an image set: one image name without suffix a line. `folders` are those of the images and annotations.

    Blanks around a name do not count. Blank lines, Windows line ends and repeated names are passed over, with one
    note for each of the three kinds.

    Raises DataError for a file that is missing, empty or not UTF-8, for a name that would lead out of the folder of the
    images, and for a line with a second column or a name with suffix, where no file in `folders` has that very name.
    """
    file = Path(path)
    lines = read_lines(file, "image set", LONGEST_SET)
    first_line: dict[str, int] = {}
    blank: list[int] = []
    windows: list[int] = []
    repeated: list[str] = []
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if line.endswith("\r"):
            windows.append(number)
        if not name:
            blank.append(number)
        elif name in first_line:
            repeated.append(f"{number} ({name})")
        elif found := _not_one_name(name, folders):
            raise DataError(f"{file}: line {number}: {found}")
        elif _leads_elsewhere(name):
            raise DataError(f"{file}: line {number}: the image name {name!r} is not a plain name without folders")
        else:
            first_line[name] = number
    if not first_line:
        raise DataError(f"image set {file} is empty; expected one image name a line")
    kinds = (
        ("Windows line ends, which do no harm", windows),
        ("blank lines, which are skipped", blank),
        ("names that came before, which are used once", repeated),
    )
    notes = [f"{file}: {kind}: line {shortened(where)}" for kind, where in kinds if where]
    return ImageSet(list(first_line), notes)


_IN_CLASS = ("-1", "0", "1")


def _not_one_name(name: str, folders: Sequence[Path]) -> str:
    """What is wrong with a line that has the look of a list of another kind; nothing where its file is there.

    VOC's lists of one class have a column 1, -1 or 0 behind the name; other programs list files, with suffix.
    """
    first, *others = name.split()
    if not others:
        first, *others = re.split("[,;]", name)
    has_suffix = is_image_name(name) or name.lower().endswith(".xml")
    if not folders or not (others or has_suffix) or _is_there(name, folders):
        return ""
    if others and (others[-1] in _IN_CLASS or is_image_name(first) or _is_there(first, folders)):
        return f"found a second column {others[0][:40]!r} behind {first[:80]!r}; expected one image name a line"
    if has_suffix:
        return f"the image name {name[:120]!r} has a suffix; expected names without suffix"
    return ""


def _is_there(name: str, folders: Sequence[Path]) -> bool:
    try:
        return any((folder / f"{name}.xml").exists() or image_file(folder, name) for folder in folders)
    except (OSError, ValueError):  # longer than any file name, or with a NUL
        return False


def _is_year(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in FOLDERS) or bool(re.fullmatch(r"VOC\d{4}", folder.name))


def _folders_in(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    except OSError as fault:
        raise DataError(f"{folder} cannot be read: {fault.strerror}") from None


def _choose(what: str, wanted: str | None, default: str, there: list[str], folder: Path, notes: list[str]) -> str:
    if wanted is None and len(there) == 1 and there[0] != default:
        notes.append(f"{folder} has no {what} {default} and only one other, {there[0]}, which is taken")
        return there[0]
    name = default if wanted is None else wanted
    if name not in there:
        raise DataError(f"{folder} has no {what} '{name}'{nearest(name, there)}; it has {shortened(there) or 'none'}")
    return name


def _subfolder(folder: Path, name: str) -> Path:
    found = folder / name
    if not found.is_dir():
        there = _folders_in(folder)
        raise DataError(f"{folder} has no folder {name}{nearest(name, there)}; it has {shortened(there) or 'none'}")
    return found


def _leads_elsewhere(name: str) -> bool:
    return name in (".", "..") or any(sign in name for sign in "/\\\0\r") or bool(PureWindowsPath(name).drive)
