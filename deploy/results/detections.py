"""The objects of one image, read from the text that a stream answers with."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple


class Detection(NamedTuple):
    """One object: its class, its confidence in 0..1, its corners in pixels of the original image."""

    name: str
    class_id: int
    confidence: float
    x0: float
    y0: float
    x1: float
    y1: float


def parse_objects(text: str) -> list[Detection]:
    """The objects of a result without an error code, in the order of the post-processor.

    A stream that found nothing answers with an empty text, with an error's text that is no JSON, with `{}` or with an
    object of other things, depending on the SDK's age: each means no objects.

    Raises ValueError, saying what is wrong, for objects that are not what mxpi_dataserialize writes.
    """
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return []
    objects = answer.get("MxpiObject") if isinstance(answer, dict) else None
    try:
        return [_detection(entry) for entry in objects or []]
    except (AttributeError, IndexError, KeyError, TypeError) as fault:
        raise ValueError(f"the result has an object of another form than MxpiObject ({fault!r})") from None


def _detection(entry: dict[str, Any]) -> Detection:
    best = entry["classVec"][0]
    numbers = [float(value) for value in (best["confidence"], entry["x0"], entry["y0"], entry["x1"], entry["y1"])]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"the result has a number that is not finite: {numbers}")
    class_id = int(best["classId"])
    return Detection(str(best["className"]) or f"class {class_id}", class_id, *numbers)
