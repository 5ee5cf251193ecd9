"""mxpi_object2osdinstances: detections to what is drawn for them: a box, and its class and confidence above it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import cv2
import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.metadata import messages
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Objects
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import OBJECTS, OSD, Plugin

_DEFAULT_COLOURS = (12347, 78997, 34527)  # of B, G and R: the class id times these, modulo 256
_TEXT_ROOM = np.float32(1.3)  # the background's height, of the text's
_INT32 = 2**31 - 1


class Object2OsdInstances(Plugin):
    """All objects of a buffer go into one MxpiOsdInstances. A buffer without objects passes, and nothing is added."""

    PROPERTIES: ClassVar = properties_of("mxpi_object2osdinstances")
    produces = OSD

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._types = messages.osd_types()
        text = self.values["colorMap"]
        self._colours = [] if text in ("", "auto") else [_colour(part) for part in text.split("|")]
        self._box = int(self.values["rectThickness"]), int(self.values["rectLineType"])
        self._font = int(self.values["fontFace"])
        self._scale = float(self.values["fontScale"])
        self._pen = int(self.values["fontThickness"]), int(self.values["fontLineType"])
        self._writes = self.values["createText"] == "1"

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        self._source = self.source(upstream, OBJECTS, "dataSource").name

    def process(self, frame: Frame) -> None:
        if self._source not in frame.metadata:
            return
        objects = frame.objects(self._source)
        made = self._types.MxpiOsdInstancesList()
        instances = made.osdInstancesVec.add()
        for index in range(len(objects.names)):
            instances.headerVec.add(dataSource=self._source, memberId=index)
            self._add(instances, objects, index)
        frame.metadata[self.name] = made

    def _add(self, instances: Any, objects: Objects, index: int) -> None:
        x0, y0, x1, y1, confidence, class_id = objects.detections[index]
        colour = self._of_class(int(class_id))
        thickness, line = self._box
        box = instances.osdRectVec.add(x0=_whole(x0), y0=_whole(y0), x1=_whole(x1), y1=_whole(y1))
        _set(box.osdParams, colour, thickness, line)
        if not self._writes:
            return
        text = f"{objects.names[index]} {_whole(confidence * np.float32(100))}%"
        (width, height), _ = cv2.getTextSize(text, self._font, self._scale, self._pen[0])
        behind = instances.osdRectVec.add(
            x0=_whole(x0), y0=_whole(y0), x1=_whole(x0 + width), y1=_whole(y0 - height * _TEXT_ROOM), fixedArea=True
        )
        _set(behind.osdParams, colour, -1, line)
        written = instances.osdTextVec.add(
            text=text,
            x0=_whole(x0),
            y0=max(-_INT32, _whole(y0) - int(self._scale) - self._pen[0]),
            fontFace=self._font,
            fontScale=self._scale,
            fixedArea=True,
        )
        written.osdParams.thickness, written.osdParams.lineType = self._pen

    def _of_class(self, class_id: int) -> tuple[int, int, int]:
        """B, G, R; the last colour of colorMap serves all further classes."""
        if self._colours:
            return self._colours[min(class_id, len(self._colours) - 1) if class_id >= 0 else -1]
        blue, green, red = (class_id * factor % 256 for factor in _DEFAULT_COLOURS)
        return blue, green, red


def _colour(text: str) -> tuple[int, int, int]:
    red, green, blue = (min(int(part), 255) for part in text.split(","))
    return blue, green, red


def _set(params: Any, colour: tuple[int, int, int], thickness: int, line: int) -> None:
    params.scalorB, params.scalorG, params.scalorR = colour
    params.thickness, params.lineType = thickness, line


def _whole(value: float) -> int:
    """As C++ turns a float into an int32: the fraction is cut off. What no int32 can hold becomes the nearest, or 0."""
    if math.isnan(value):
        return 0
    return int(max(-_INT32, min(_INT32, float(value))))
