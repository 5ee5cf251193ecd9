"""The images on which two models differ most, with the boxes of both: small JPEGs inside the page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2

from compress.data.image_size import read_pixels
from compute_mAP.image_file import image_file
from deploy.board.compare import FLOOR, pair_up
from deploy.errors import DataError
from deploy.results.detections import Detection

MOST = 20
"""Images for each pair of models."""
MOST_BYTES = 900_000
"""Of all images together, as they stand in the page."""
_SIDE, _QUALITY = 320, 55

Found = Mapping[str, Sequence[Detection]]


@dataclass(frozen=True)
class Difference:
    """An image on which two models differ: `weight` is the sum of the confidences of the boxes that one of them alone
    has, `alone` their number on each side."""

    name: str
    weight: float
    alone: tuple[int, int]


def differences(one: Found, other: Found) -> list[Difference]:
    """The images with boxes from FLOOR on that have no partner, the worst first."""
    found = []
    for name in dict.fromkeys([*one, *other]):
        alone = pair_up(one.get(name, ()), other.get(name, ())).alone
        if alone:
            first = sum(side == "host" for _, side in alone)
            weight = sum(box.confidence for box, _ in alone)
            found.append(Difference(name, weight, (first, len(alone) - first)))
    return sorted(found, key=lambda entry: (-entry.weight, entry.name))


def worst_images(models: Mapping[str, Found], images: Path) -> dict[str, Any]:
    """What the page shows of each pair of models (boxes by image, by the model's title); `images` is their folder.

    `shots` are the images, each once; `pairs` name them. The first images of all pairs come before the second ones, as
    many as MOST_BYTES has room for. An image that cannot be read is left out.
    """
    pairs = {titles: differences(models[titles[0]], models[titles[1]]) for titles in combinations(models, 2)}
    shots: dict[str, dict[str, Any]] = {}
    shown: dict[tuple[str, str], list[dict[str, Any]]] = {titles: [] for titles in pairs}
    left = MOST_BYTES
    for place in range(MOST):
        for titles, worst in pairs.items():
            if place >= len(worst):
                continue
            entry = worst[place]
            shot = shots.get(entry.name) or _shot(images, entry.name, len(shots))
            if shot is None or (entry.name not in shots and len(shot["data"]) > left):
                continue
            if entry.name not in shots:
                shots[entry.name] = shot
                left -= len(shot["data"])
            sides = [_boxes(models[title].get(entry.name, ())) for title in titles]
            shown[titles].append({"shot": shot, "name": entry.name, "alone": entry.alone, "boxes": sides})
    return {
        "shots": list(shots.values()),
        "pairs": [
            {"titles": titles, "images": shown[titles], "differing": len(worst)} for titles, worst in pairs.items()
        ],
    }


def _shot(images: Path, name: str, number: int) -> dict[str, Any] | None:
    """An image in small; `width` and `height` are those of the whole image, in whose pixels boxes are given."""
    file = image_file(images, name)
    try:
        pixels = read_pixels(file) if file else None
    except DataError:
        pixels = None
    if pixels is None:
        return None
    height, width = pixels.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    _, encoded = cv2.imencode(
        ".jpg", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    data = base64.b64encode(encoded.tobytes()).decode()
    return {"id": f"shot-{number}", "width": width, "height": height, "data": data}


def _boxes(boxes: Sequence[Detection]) -> list[dict[str, Any]]:
    """Those from FLOOR on, in whole pixels."""
    return [
        {
            "x": round(box.x0),
            "y": round(box.y0),
            "width": max(1, round(box.x1 - box.x0)),
            "height": max(1, round(box.y1 - box.y0)),
            "words": f"{box.name} {box.confidence:.2f}",
        }
        for box in boxes
        if box.confidence >= FLOOR
    ]
