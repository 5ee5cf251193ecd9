"""The files of a Pascal VOC devkit: an annotation as XML, an image set as a list of names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class VocObject:
    """An annotated object: its class, its box x0 y0 x1 y1 in pixels, and the flags of the VOC guidelines.

    `truncated`: the object reaches out of its box. `occluded`: something covers a part of it. `difficult`: hard to
    recognise, left out of the score.
    """

    name: str
    box: Box
    truncated: bool = False
    occluded: bool = False
    difficult: bool = False


def annotation_xml(folder: str, file_name: str, width: int, height: int, objects: Iterable[VocObject]) -> str:
    """The annotation of a colour image."""
    parts = [
        "<annotation>",
        f"\t<folder>{escape(folder)}</folder>",
        f"\t<filename>{escape(file_name)}</filename>",
        f"\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n\t\t<depth>3</depth>\n\t</size>",
        "\t<segmented>0</segmented>",
    ]
    for found in objects:
        corners = zip(("xmin", "ymin", "xmax", "ymax"), found.box, strict=True)
        parts += [
            "\t<object>",
            f"\t\t<name>{escape(found.name)}</name>",
            "\t\t<pose>Unspecified</pose>",
            f"\t\t<truncated>{int(found.truncated)}</truncated>",
            f"\t\t<occluded>{int(found.occluded)}</occluded>",
            f"\t\t<difficult>{int(found.difficult)}</difficult>",
            "\t\t<bndbox>",
            *(f"\t\t\t<{tag}>{value}</{tag}>" for tag, value in corners),
            "\t\t</bndbox>",
            "\t</object>",
        ]
    return "\n".join([*parts, "</annotation>", ""])


def image_sets(names: Sequence[str], splits: Sequence[str]) -> dict[str, list[str]]:
    """The names of train, val, their union trainval, and test, each in the order of `names`."""
    chosen = {"train": {"train"}, "val": {"val"}, "trainval": {"train", "val"}, "test": {"test"}}
    return {
        image_set: [name for name, split in zip(names, splits, strict=True) if split in wanted]
        for image_set, wanted in chosen.items()
    }
