"""How an image becomes the network's square input, and how boxes come back: as on the board, or as YOLOv5 does it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from compress.nets.detector import Detector
from deploy.host.dvpp.letterbox import letterbox as board_letterbox
from deploy.postprocess.mapping import FIT, STRETCH, Geometry

GREY = (114, 114, 114)


@dataclass(frozen=True)
class Letterbox:
    """Where an image of `width` x `height` pixels lies on an input of imgsz x imgsz: scaled by `ratio`, its corner at
    `left`, `top`; `board` where the chip placed it."""

    imgsz: int
    width: int
    height: int
    ratio: float
    left: int
    top: int
    board: bool

    def boxes(self, model: Detector, heads: list[np.ndarray], score: float, iou: float) -> np.ndarray:
        """The model's raw outputs for this image as float32 [n, 6] = x0 y0 x1 y1 confidence class.

        Coordinates are pixels of the original image.
        """
        if self.board:
            geometry = Geometry(self.imgsz, self.imgsz, self.width, self.height, FIT, self.ratio)
            return model.boxes(heads, score, iou, geometry)
        found = model.boxes(heads, score, iou, Geometry(self.imgsz, self.imgsz, self.imgsz, self.imgsz, STRETCH, 0.0))
        corner = np.array([self.left, self.top] * 2, np.float32)
        edge = np.array([self.width, self.height] * 2, np.float32)
        found[:, :4] = np.clip((found[:, :4] - corner) / np.float32(self.ratio), 0, edge)
        return found


def letterboxed(image: np.ndarray, imgsz: int, letterbox: str) -> tuple[np.ndarray, Letterbox]:
    """The network's input, uint8 [imgsz, imgsz, 3], of an image uint8 [h, w, 3], and how it lies there.

    letterbox: "board" and "mixed" place it as the chip does, top-left on green; "grey" in the middle of grey.
    Raises SdkFault for an image that the chip cannot scale so far.
    """
    height, width = image.shape[:2]
    if letterbox != "grey":
        canvas, ratio = board_letterbox(image, imgsz, imgsz)
        return canvas, Letterbox(imgsz, width, height, ratio, 0, 0, True)
    ratio = min(imgsz / height, imgsz / width)
    inner = max(round(width * ratio), 1), max(round(height * ratio), 1)
    if inner != (width, height):
        image = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    left, top = (imgsz - inner[0]) // 2, (imgsz - inner[1]) // 2
    sides = top, imgsz - inner[1] - top, left, imgsz - inner[0] - left
    canvas = cv2.copyMakeBorder(image, *sides, cv2.BORDER_CONSTANT, value=GREY)
    return canvas, Letterbox(imgsz, width, height, ratio, left, top, False)
