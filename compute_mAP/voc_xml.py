"""One Pascal VOC annotation: the XML file with the objects of one image.

Format: the PASCAL VOC 2007 development kit, section 8 (http://host.robots.ox.ac.uk/pascal/VOC/voc2007/).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from compute_mAP.errors import DataError

CORNERS = ("xmin", "ymin", "xmax", "ymax")


class Object(NamedTuple):
    """One object: its class and its box in pixels, the numbers as the file has them (VOC counts pixels from 1)."""

    name: str
    x0: float
    y0: float
    x1: float
    y1: float
    difficult: bool


class Annotation(NamedTuple):
    """The size of an image in pixels (0 where the file does not say), its usable objects, and what was wrong.

    `faults` holds a sentence for each object that was left out or that has a value which could not be used.
    """

    width: int
    height: int
    objects: list[Object]
    faults: list[str]


def read_annotation(path: Path | str) -> Annotation:
    """Read one annotation file. An object whose box has no area is left out and becomes a fault.

    Raises DataError for a file that is missing or malformed, for one with a DOCTYPE (only there can entities be
    declared, and they can blow up or pull in other files), and for a root element other than `annotation`.
    """
    file = Path(path)
    root = _parse(file)
    if root.tag != "annotation":
        raise DataError(f"{file}: the root element is <{root.tag}>; expected <annotation>")
    objects: list[Object] = []
    faults: list[str] = []
    for number, element in enumerate(root.findall("object"), 1):
        name = _text(element, "name")
        where = f"{file}: object {number}" + (f" ({name})" if name else "")
        try:
            box = _box(element)
            if not name:
                raise ValueError("it has no name")
        except ValueError as fault:
            faults.append(f"{where}: {fault}; it is left out")
            continue
        difficult = _text(element, "difficult") or "0"
        if difficult not in ("0", "1"):
            faults.append(f"{where}: difficult is {difficult[:40]!r}, expected 0 or 1; it counts as 0")
        objects.append(Object(name, *box, difficult == "1"))
    return Annotation(_pixels(root, "size/width"), _pixels(root, "size/height"), objects, faults)


def _parse(file: Path) -> Element:
    def refuse(*_: object) -> NoReturn:
        raise DataError(
            f"{file}: line {parser.CurrentLineNumber}: holds a DOCTYPE, which may declare entities; "
            "expected a plain VOC annotation"
        )

    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(file.read_bytes(), True)
    except FileNotFoundError:
        raise DataError(f"annotation {file} does not exist") from None
    except OSError as fault:
        raise DataError(f"annotation {file} cannot be read: {fault.strerror}") from None
    except expat.ExpatError as fault:
        raise DataError(f"{file}: line {fault.lineno}: malformed XML: {expat.ErrorString(fault.code)}") from None
    except (LookupError, ValueError) as fault:
        # Expat knows no multi-byte encoding such as GBK besides UTF-8 and UTF-16.
        raise DataError(f"{file}: line 1: its encoding cannot be read ({fault}); expected UTF-8") from None
    return builder.close()


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _box(element: Element) -> tuple[float, float, float, float]:
    """The corners of an object's own box (a VOC person has `part` elements with boxes of their own).

    Raises ValueError, saying what was found, when they are not four finite numbers with an area.
    """
    corners = element.find("bndbox")
    if corners is None:
        raise ValueError("it has no bndbox")
    x0, y0, x1, y1 = (_coordinate(corners, tag) for tag in CORNERS)
    found = f"the box {x0:g} {y0:g} {x1:g} {y1:g}"
    if x1 < x0 or y1 < y0:
        raise ValueError(f"{found} has its corners reversed")
    if x1 == x0 or y1 == y0:
        raise ValueError(f"{found} has no area")
    return x0, y0, x1, y1


def _coordinate(corners: Element, tag: str) -> float:
    text = _text(corners, tag)
    if not text:
        raise ValueError(f"{tag} is missing")
    value = _finite(text)
    if value is None:
        raise ValueError(f"{tag} is {text[:40]!r}, expected a number")
    return value


def _pixels(root: Element, tag: str) -> int:
    value = _finite(_text(root, tag))
    return int(value) if value is not None and value > 0 else 0


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
