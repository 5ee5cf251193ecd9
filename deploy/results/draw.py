"""Boxes and labels on an image. Where cv2 does not import, as on many boards, the objects are written as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from deploy.json_report import json_text
from deploy.results.detections import Detection
from deploy.whole_file import write_new

SCHEMA_VERSION = 1

# BGR, neighbours far apart, each with a clear contrast to white or to black text.
COLOURS = (
    (48, 48, 230), (60, 180, 60), (215, 100, 30), (0, 200, 255), (190, 60, 150),
    (200, 200, 40), (30, 130, 245), (120, 30, 30), (140, 190, 255), (60, 240, 190),
    (110, 60, 200), (130, 130, 0), (255, 180, 140), (20, 70, 140), (170, 255, 170),
    (0, 0, 120), (255, 80, 255), (0, 120, 120), (180, 140, 90), (128, 128, 128),
)  # fmt: skip


def write_image(folder: Path, name: str, image: bytes, objects: Sequence[Detection], listed: bool = False) -> None:
    """Write NAME.jpg with the objects drawn in, and NAME.json where cv2 is missing, cannot read the image, or
    `listed` asks for both."""
    drawn = _drawn(image, objects)
    if drawn is not None:
        write_new(folder / f"{name}.jpg", drawn)
    if drawn is None or listed:
        write_new(folder / f"{name}.json", _listed(objects).encode("utf-8", "backslashreplace"))


def _listed(objects: Iterable[Detection]) -> str:
    entries = [
        {"class": o.name, "class_id": o.class_id, "confidence": o.confidence, "box": [o.x0, o.y0, o.x1, o.y1]}
        for o in objects
    ]
    return json_text({"schema_version": SCHEMA_VERSION, "objects": entries}) + "\n"


def _drawn(encoded: bytes, objects: Iterable[Detection]) -> bytes | None:
    """The image as JPEG bytes with boxes and "class confidence" labels."""
    try:
        import cv2
        import numpy as np
    except ImportError:
        return None
    # Boxes lie in the image as it is shown: the chip and the host engine turn it by its EXIF orientation, as this does.
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    draw_on(image, objects)
    done, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return jpeg.tobytes() if done else None


def draw_on(image: Any, objects: Iterable[Detection]) -> None:
    """Draw boxes and "class confidence" labels into an image, uint8 [h, w, 3] in BGR. Needs cv2."""
    import cv2

    side = min(image.shape[:2])
    thickness = max(1, round(side / 300))
    # The weakest first, so that the strongest lie on top.
    for found in sorted(objects, key=lambda entry: entry.confidence):
        colour = COLOURS[found.class_id % len(COLOURS)]
        corners = [(round(_clamp(x, image.shape[1])), round(_clamp(y, image.shape[0]))) for x, y in _corners(found)]
        cv2.rectangle(image, corners[0], corners[1], colour, thickness)
        _label(cv2, image, corners[0], f"{_latin(found)} {found.confidence:.2f}", colour)


def _corners(found: Detection) -> tuple[tuple[float, float], tuple[float, float]]:
    return (found.x0, found.y0), (found.x1, found.y1)


def _clamp(value: float, size: int) -> float:
    return min(max(value, 0.0), size - 1.0)


def _latin(found: Detection) -> str:
    """The fonts of cv2 have no signs beyond ASCII."""
    return found.name if found.name.isascii() else f"class {found.class_id}"


def _label(cv2: Any, image: Any, corner: tuple[int, int], text: str, colour: Any) -> None:
    """Text on a filled background, above the box where there is room, inside the image in any case."""
    height, width = image.shape[:2]
    scale = max(0.35, min(height, width) / 1200)
    thickness = max(1, round(1.5 * scale))
    font = cv2.FONT_HERSHEY_SIMPLEX
    (text_width, text_height), below = cv2.getTextSize(text, font, scale, thickness)
    full = text_height + below + 2
    x = max(0, min(corner[0], width - text_width - 2))
    y = corner[1] - full if corner[1] >= full else min(corner[1], max(0, height - full))
    cv2.rectangle(image, (x, y), (x + text_width + 1, y + full), colour, cv2.FILLED)
    bright = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2] > 140
    ink = (0, 0, 0) if bright else (255, 255, 255)
    cv2.putText(image, text, (x + 1, y + text_height + 1), font, scale, ink, thickness, cv2.LINE_AA)
