"""Augmentation on the board's canvas: whole images lie at the top left, and what no image covers is its green.

Colour jitter and flips come later, as they do with the usual grey: they vary the green and its side too.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from ultralytics.data.augment import BaseTransform, Compose, Mosaic, RandomPerspective

from deploy.host.dvpp.vpc import ZERO_RGB


def on_board_canvas(transforms: Compose, imgsz: int) -> Compose:
    """ultralytics' training transforms with the board's canvas in the place of the grey one."""
    geometric = transforms.transforms[0].transforms
    for place, transform in enumerate(geometric):
        if isinstance(transform, Mosaic):
            geometric[place] = BoardMosaic(transform.dataset, transform.imgsz, transform.p, transform.n)
        elif isinstance(transform, RandomPerspective):
            geometric[place] = _perspective(transform)
    geometric.insert(1, TopLeft(imgsz))
    return transforms


class BoardMosaic(Mosaic):
    """Four images on green."""

    def apply_image(self, labels: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:
        assert params and self.n == 4
        labels = super().apply_image(labels, params)
        bare = np.ones(labels["img"].shape[:2], bool)
        for tile in params["layout"]:
            bare[tile["y1a"] : tile["y2a"], tile["x1a"] : tile["x2a"]] = False
        labels["img"][bare] = ZERO_RGB
        return labels


class BoardPerspective(RandomPerspective):
    """What comes in from beyond the edges is green."""

    def apply_image(self, labels: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:
        assert params
        matrix, size = params["M"], params["size"]
        if self.perspective:
            labels["img"] = cv2.warpPerspective(labels["img"], matrix, dsize=size, borderValue=ZERO_RGB)
        else:
            labels["img"] = cv2.warpAffine(labels["img"], matrix[:2], dsize=size, borderValue=ZERO_RGB)
        labels["resized_shape"] = labels["img"].shape[:2]
        return labels


class TopLeft(BaseTransform):
    """A whole image, uint8 [h, w, 3] with sides up to imgsz, to the top left of a green canvas; mosaics pass."""

    def __init__(self, imgsz: int) -> None:
        super().__init__()
        self.imgsz = imgsz

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        height, width = labels["img"].shape[:2]
        if max(height, width) > self.imgsz or height == width == self.imgsz:
            return labels
        canvas = np.full((self.imgsz, self.imgsz, 3), ZERO_RGB, np.uint8)
        canvas[:height, :width] = labels["img"]
        instances = labels["instances"]
        instances.convert_bbox(format="xyxy")
        instances.denormalize(width, height)
        instances.normalize(self.imgsz, self.imgsz)
        labels["img"], labels["resized_shape"] = canvas, canvas.shape[:2]
        return labels


def _perspective(usual: RandomPerspective) -> BoardPerspective:
    return BoardPerspective(
        degrees=usual.degrees,
        translate=usual.translate,
        scale=usual.scale,
        shear=usual.shear,
        perspective=usual.perspective,
        size=usual.size,
    )
