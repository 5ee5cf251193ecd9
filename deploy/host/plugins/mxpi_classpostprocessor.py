"""mxpi_classpostprocessor: the model's scores to classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Classes, Tensors
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import CLASSES, TENSORS, Plugin
from deploy.host.post import libraries
from deploy.host.post.post_files import ClassNames, read_config
from deploy.host.post.python_post import PythonPostProcessor
from deploy.postprocess.resnet50 import check_class_shapes, classify, read_class_config
from deploy.sdk_codes import SdkFault


class ClassPostProcessor(Plugin):
    """The TOP_K best classes of each entry, by libresnet50postprocess.so or by a class in Python.

    As in the SDK, a buffer without tensors is handed on as it is, and one without classes gets no metadata.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_classpostprocessor")
    produces = CLASSES

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._python: PythonPostProcessor | None = None
        try:
            if self.values["funcLanguage"] == "python":
                self._python = PythonPostProcessor(self.values, self.name)
                return
            library = libraries.library_name(self.values)
            if library != libraries.CLASSES:
                raise libraries.refusal(library, element.factory, [libraries.CLASSES])
            self._config = read_class_config(read_config(self.values))
            self._names = ClassNames(self.values["labelPath"], self._config.class_num, self.name)
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        tensors = self.source(upstream, TENSORS, "dataSource")
        self._source = tensors.name
        if tensors.output_shapes is not None and self._python is None:
            try:
                check_class_shapes(tensors.output_shapes, self._config)
            except SdkFault as fault:
                raise self.fault(fault.code, fault.sentence) from None

    def process(self, frame: Frame) -> None:
        if self._source not in frame.metadata:
            return
        try:
            packages = frame.tensors(self._source)
            found = self._by_python(packages) if self._python else [self._by_library(package) for package in packages]
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        ids = [class_id for part in found for class_id in part[0]]
        if not ids:
            return
        frame.metadata[self.name] = Classes(
            np.array(ids, np.int32),
            [name for part in found for name in part[1]],
            np.array([value for part in found for value in part[2]], np.float32),
            self._source,
            np.repeat(np.arange(len(found)), [len(part[0]) for part in found]),
        )

    def _by_library(self, package: Tensors) -> tuple[list[int], list[str], list[float]]:
        ids, confidences = classify(package.on_board, self._config)
        return ids.tolist(), self._names.of(ids), confidences.tolist()

    def _by_python(self, packages: Sequence[Tensors]) -> list[tuple[list[int], list[str], list[float]]]:
        assert self._python is not None
        entries: list[Any] = self._python.results([package.on_board for package in packages])
        return [
            (
                self._python.numbers(entry, "classId", int),
                [str(getattr(item, "className", "")) for item in entry],
                self._python.numbers(entry, "confidence", float),
            )
            for entry in entries
        ]
