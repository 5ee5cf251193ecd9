"""mxpi_objectpostprocessor: the model's raw heads to boxes on the original image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Image, Objects
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, OBJECTS, TENSORS, Plugin
from deploy.host.post import libraries
from deploy.host.post.post_geometry import geometry_of, in_roi, moved, roi_of
from deploy.host.post.python_post import PythonPostProcessor
from deploy.postprocess.mapping import Geometry
from deploy.sdk_codes import INVALID_PARAM, UNREALIZED, SdkFault


class ObjectPostProcessor(Plugin):
    """Decodes the model's outputs as the library that postProcessLibPath names, or lets a class in Python do it.

    As in the SDK, a buffer without detections gets no metadata, and one without tensors is handed on as it is.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_objectpostprocessor")
    produces = OBJECTS

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        try:
            self._post = self._post_processor()
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None

    def _post_processor(self) -> libraries.ObjectLibrary:
        if self.values["funcLanguage"] == "python":
            return PythonPostProcessor(self.values, self.name)
        name = libraries.library_name(self.values)
        if name not in libraries.OBJECTS:
            raise libraries.refusal(name, "mxpi_objectpostprocessor", list(libraries.OBJECTS))
        return libraries.OBJECTS[name](self.values, self.name)

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        tensors = self.source(upstream, TENSORS, "dataSource")
        self._source = tensors.name
        self._image = self._named(upstream, "dataSourceResize", IMAGE)
        self._rois = self._named(upstream, "dataSourceRoiBoxes", OBJECTS)
        if not self._image and self.values["dataSourceImage"] not in ("", "auto"):
            raise self.fault(UNREALIZED, "dataSourceImage is set, which the SDK's own post-processor refuses too")
        if tensors.output_shapes is not None:
            try:
                self._post.check_shapes(tensors.output_shapes)
            except SdkFault as fault:
                raise self.fault(fault.code, fault.sentence) from None

    def _named(self, upstream: Sequence[Plugin], key: str, wanted: str) -> str:
        return "" if self.values[key] in ("", "auto") else self.source(upstream, wanted, key).name

    def process(self, frame: Frame) -> None:
        if self._source not in frame.metadata:
            return
        packages = frame.tensors(self._source)
        images = frame.images(self._image) if self._image else [package.image for package in packages]
        if len(images) != len(packages):
            raise self.fault(INVALID_PARAM, f"{self._image} has {len(images)} image(s), {self._source} {len(packages)}")
        try:
            places = [self._place(frame, image) for image in images]
            found = self._post([package.on_board for package in packages], [place[0] for place in places])
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        names = [name for _, part in found for name in part]
        if not names:
            return
        rows = [moved(part, *place[1]) if place[1] else part for (part, _), place in zip(found, places)]
        detections = np.concatenate(rows) if len(rows) > 1 else rows[0]
        members = np.repeat(np.arange(len(rows)), [len(part) for part in rows]) if len(rows) > 1 else None
        frame.metadata[self.name] = Objects(detections, names, self._source, members)

    def _place(self, frame: Frame, image: Image | None) -> tuple[Geometry | None, tuple[float, float] | None]:
        """An image's geometry, and by how much its boxes are moved in the end; nothing of tensors that were sent."""
        if image is None:
            return None, None
        geometry = geometry_of(image)
        if not self._rois:
            return geometry, None
        roi = roi_of(frame, self._rois, image)
        return in_roi(geometry, roi), (float(roi[0]), float(roi[1]))
