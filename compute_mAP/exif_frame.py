"""Annotations of images that EXIF turns: in the frame of the stored pixels or in that of the image as it is shown.

Decoders, the chip's among them, turn an image as its EXIF orientation says; what a detector finds lies in the turned
image. Tools that annotate do so or do not, and only the size in the annotation tells which of them it was.
"""

from __future__ import annotations

from compute_mAP.image_header import UPRIGHT, ImageHeader
from compute_mAP.voc_xml import Annotation

TURNED, STORED, UNKNOWN = "turned", "stored", "unknown"
FRAMES = (TURNED, STORED)


def frame_of(annotation: Annotation, image: ImageHeader) -> str:
    """TURNED, STORED or UNKNOWN: which frame the boxes of an annotation are in, by the size that it gives.

    Where the orientation does not swap width and height, or both are equal, the size does not tell.
    """
    if image.orientation == UPRIGHT:
        return TURNED
    size, stored, shown = (annotation.width, annotation.height), (image.width, image.height), image.shown_size
    if stored == shown or size not in (stored, shown):
        return UNKNOWN
    return STORED if size == stored else TURNED


def turned_box(box: tuple[float, float, float, float], image: ImageHeader) -> tuple[float, float, float, float]:
    """A box x0 y0 x1 y1 on the stored pixels, as it lies in the image as it is shown; both in pixels from 0."""
    (ax, ay), (bx, by) = _turned(*box[:2], image), _turned(*box[2:], image)
    return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


def turned(annotation: Annotation, image: ImageHeader) -> Annotation:
    """An annotation of the stored pixels as one of the image as it is shown."""
    objects = [
        entry._replace(x0=x0, y0=y0, x1=x1, y1=y1)
        for entry in annotation.objects
        for x0, y0, x1, y1 in [turned_box((entry.x0, entry.y0, entry.x1, entry.y1), image)]
    ]
    width, height = image.shown_size
    return annotation._replace(width=width, height=height, objects=objects)


def _turned(x: float, y: float, image: ImageHeader) -> tuple[float, float]:
    """Where a point of the stored pixels comes to lie (EXIF 2.3, section 4.6.4 A, Orientation)."""
    w, h = image.width, image.height
    return {
        1: (x, y),
        2: (w - x, y),
        3: (w - x, h - y),
        4: (x, h - y),
        5: (y, x),
        6: (h - y, x),
        7: (h - y, w - x),
        8: (y, w - x),
    }[image.orientation]
