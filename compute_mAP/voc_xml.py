"""One Pascal VOC annotation: the XML file with the objects of one image.

Format: the PASCAL VOC 2007 development kit, section 8 (http://host.robots.ox.ac.uk/pascal/VOC/voc2007/).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from compute_mAP.errors import DataError
from compute_mAP.regular_file import MEGABYTE, read_regular
from compute_mAP.text_file import wrong_byte
from compute_mAP.wording import shortened

LONGEST = 64 * MEGABYTE
_INVALID_TOKEN = 4  # XML_ERROR_INVALID_TOKEN of expat
CORNERS = ("xmin", "ymin", "xmax", "ymax")
_READ = frozenset(("object", "bndbox", "name", "difficult", "size", "width", "height", *CORNERS))


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

    An object with several bndbox, as some tools write all boxes of a class, is as many objects. Any other element that
    may come once and comes several times with different texts decides nothing: the object is left out, a size or a
    difficult flag counts as not given, and each becomes a fault.

    Raises DataError for a file that is missing or malformed, for one with a DOCTYPE (only there can entities be
    declared, and they can blow up or pull in other files), and for a root element other than `annotation`.
    """
    file = Path(path)
    root = _parse(file)
    if root.tag != "annotation":
        raise DataError(f"{file}: the root element is <{root.tag}>; expected <annotation>")
    objects: list[Object] = []
    faults: list[str] = []
    elements = root.findall("object")
    for number, element in enumerate(elements, 1):
        _read_object(element, f"{file}: object {number}", objects, faults)
    astray = sum(1 for _ in root.iter("object")) - len(elements)
    if astray:
        faults.append(f"{file}: {astray} <object> not directly in <annotation>; expected none; they are left out")
    faults.extend(_other_case(root, file))
    width, height = _size(root, file, faults)
    return Annotation(width, height, objects, faults)


def _other_case(root: Element, file: Path) -> Iterator[str]:
    """A sentence for each element whose name is one of VOC's but for capitals: XML tells them apart."""
    found = Counter(element.tag for element in root.iter() if element.tag not in _READ and element.tag.lower() in _READ)
    for tag, count in found.items():
        yield f"{file}: {count} <{tag}>, expected <{tag.lower()}>; not read"


def _read_object(element: Element, where: str, objects: list[Object], faults: list[str]) -> None:
    """Append what an <object> holds, and a sentence for all that cannot be used."""
    try:
        name = _text(element, "name")
    except ValueError as fault:
        faults.append(f"{where}: {fault}; it is left out")
        return
    where += f" ({name})" if name else ""
    try:
        difficult = _text(element, "difficult") or "0"
        if difficult not in ("0", "1"):
            raise ValueError(f"difficult is {difficult[:40]!r}, expected 0 or 1")
    except ValueError as fault:
        faults.append(f"{where}: {fault}; it counts as 0")
        difficult = "0"
    boxes = element.findall("bndbox")
    if len(boxes) > 1:
        faults.append(f"{where}: {len(boxes)} <bndbox>, expected one; each different one counts as an object")
    found: dict[tuple[float, ...], None] = {}
    if not boxes:
        faults.append(f"{where}: it has no bndbox; it is left out")
    for corners in boxes:
        try:
            box = _box(corners)
            if not name:
                raise ValueError("it has no name")
        except ValueError as fault:
            faults.append(f"{where}: {fault}; it is left out")
            continue
        if box not in found:
            found[box] = None
            objects.append(Object(name, *box, difficult == "1"))


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
    content = read_regular(file, "annotation", LONGEST)
    try:
        parser.Parse(content, True)
    except expat.ExpatError as fault:
        reason = _wrong_encoding(content, parser.ErrorByteIndex) if fault.code == _INVALID_TOKEN else ""
        if reason:
            raise DataError(f"{file}: not UTF-8, which it must be without another declaration: {reason}") from None
        where = f" ({wrong_byte(content, parser.ErrorByteIndex)})" if fault.code == _INVALID_TOKEN else ""
        said = expat.ErrorString(fault.code)
        raise DataError(f"{file}: line {fault.lineno}: malformed XML: {said}{where}") from None
    except (LookupError, ValueError) as fault:
        # Expat knows no multi-byte encoding such as GBK besides UTF-8 and UTF-16.
        raise DataError(f"{file}: line 1: its encoding cannot be read ({fault}); expected UTF-8") from None
    return builder.close()


def _wrong_encoding(content: bytes, place: int) -> str:
    """Which byte near `place` is not UTF-8; nothing where there is none, or the file does not begin as XML."""
    if not content.lstrip().startswith(b"<"):
        return ""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as fault:
        return wrong_byte(content, fault.start) if fault.start <= place + 4 else ""
    return ""


def _text(element: Element, tag: str) -> str:
    """The text of the one child of that name. Raises ValueError where there are several that differ."""
    texts = [(child.text or "").strip() for child in element.findall(tag)]
    if len(set(texts)) > 1:
        raise ValueError(f"{len(texts)} <{tag}>, expected one: {shortened([text[:40] for text in texts])}")
    return texts[0] if texts else ""


def _box(corners: Element) -> tuple[float, float, float, float]:
    """The corners of an object's own box (a VOC person has `part` elements with boxes of their own).

    Raises ValueError, saying what was found, when they are not four finite numbers with an area.
    """
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


def _size(root: Element, file: Path, faults: list[str]) -> tuple[int, int]:
    """Width and height; 0 where they are not given, or given more than once with different values."""
    sizes: dict[tuple[int, int], None] = {}
    try:
        for element in root.findall("size"):
            sizes[_pixels(_text(element, "width")), _pixels(_text(element, "height"))] = None
        if len(sizes) > 1:
            raise ValueError(f"{len(sizes)} different <size>, expected one")
    except ValueError as fault:
        faults.append(f"{file}: {fault}; the size counts as not given")
        return 0, 0
    return next(iter(sizes), (0, 0))


def _pixels(text: str) -> int:
    value = _finite(text)
    return int(value) if value is not None and value > 0 else 0


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
