"""A stand-in for cv2.VideoCapture, whose images, pauses and failures a test writes down."""

import time
from collections.abc import Sequence
from typing import Any

import cv2


class Capture:
    """Stands for cv2.VideoCapture: each opening takes the next list of `scripts`: images, None for a read that fails;
    an empty list does not open."""

    scripts: Sequence[Sequence[Any]] = ()
    opened = 0
    pause = 0.0

    def __init__(self, *arguments: Any) -> None:
        scripts = type(self).scripts
        self._images = iter(scripts[type(self).opened] if type(self).opened < len(scripts) else [])
        self._first = next(self._images, None)
        type(self).opened += 1

    def isOpened(self) -> bool:
        return self._first is not None

    def set(self, *_: Any) -> bool:
        return True

    def get(self, name: int) -> float:
        return 30.0 if name == cv2.CAP_PROP_FPS else 0.0

    def read(self) -> tuple[bool, Any]:
        time.sleep(self.pause)
        image, self._first = self._first, None
        if image is None:
            image = next(self._images, None)
        return image is not None, image

    def release(self) -> None:
        self._images = iter(())
