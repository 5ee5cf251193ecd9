"""mxpi_semanticsegpostprocessor: the model's scores of pixels to masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Masks
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, MASKS, TENSORS, Plugin
from deploy.host.post import libraries
from deploy.host.post.post_geometry import geometry_of
from deploy.host.post.python_post import PythonPostProcessor
from deploy.postprocess.mapping import Geometry
from deploy.sdk_codes import INVALID_PARAM, UNREALIZED, SdkFault


class SemanticSegPostProcessor(Plugin):
    """A mask of each image, by a library of the SDK or by a class in Python whose results have `pixels` and `labelMap`.

    As in the SDK, a buffer without tensors is handed on as it is. Boxes of regions (dataSourceRoiBoxes) are refused:
    1005.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_semanticsegpostprocessor")
    produces = MASKS

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._python: PythonPostProcessor | None = None
        self._library: libraries.MaskLibrary | None = None
        try:
            if self.values["funcLanguage"] == "python":
                self._python = PythonPostProcessor(self.values, self.name)
                return
            name = libraries.library_name(self.values)
            if name not in libraries.MASKS:
                raise libraries.refusal(name, element.factory, list(libraries.MASKS))
            library: libraries.MaskLibrary = libraries.MASKS[name](self.values, self.name)
            self._library = library
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        tensors = self.source(upstream, TENSORS, "dataSource")
        self._source = tensors.name
        for key in ("dataSourceRoiBoxes", "dataSourceImage"):
            if self.values[key] not in ("", "auto"):
                raise self.fault(UNREALIZED, f"{key} is set, which the host engine does not run here")
        named = self.values["dataSourceResize"] not in ("", "auto")
        self._image = self.source(upstream, IMAGE, "dataSourceResize").name if named else ""
        checker = self._library or self._python
        if tensors.output_shapes is not None and checker is not None:
            try:
                checker.check_shapes(tensors.output_shapes)
            except SdkFault as fault:
                raise self.fault(fault.code, fault.sentence) from None

    def process(self, frame: Frame) -> None:
        if self._source not in frame.metadata:
            return
        packages = frame.tensors(self._source)
        images = frame.images(self._image) if self._image else [package.image for package in packages]
        if len(images) != len(packages):
            raise self.fault(INVALID_PARAM, f"{self._image} has {len(images)} image(s), {self._source} {len(packages)}")
        places = [geometry_of(image) if image else None for image in images]
        try:
            masks, names = self._found([package.on_board for package in packages], places)
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        if masks:
            frame.metadata[self.name] = Masks([mask.astype(np.int32) for mask in masks], names, self._source)

    def _found(
        self, outputs: list[list[np.ndarray]], places: list[Geometry | None]
    ) -> tuple[list[np.ndarray], list[str]]:
        if self._library is not None:
            return self._library(outputs, places), list(self._library.names)
        assert self._python is not None
        found = self._python.masks(outputs, places)
        return [mask for mask, _ in found], found[0][1] if found else []
