"""mxpi_textgenerationpostprocessor: the model's scores of characters to a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Tensors, Texts
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import TENSORS, TEXTS, Plugin
from deploy.host.post import libraries
from deploy.host.post.post_files import ClassNames, read_config
from deploy.host.post.python_post import PythonPostProcessor
from deploy.postprocess.crnn import character_ids, check_crnn_shapes, read_crnn_config
from deploy.sdk_codes import SdkFault


class TextGenerationPostProcessor(Plugin):
    """A text of each entry, by libcrnnpostprocess.so or by a class in Python whose results have a list `text`.

    As in the SDK, a buffer without tensors is handed on as it is.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_textgenerationpostprocessor")
    produces = TEXTS

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._python: PythonPostProcessor | None = None
        try:
            if self.values["funcLanguage"] == "python":
                self._python = PythonPostProcessor(self.values, self.name)
                return
            library = libraries.library_name(self.values)
            if library != libraries.TEXTS:
                raise libraries.refusal(library, element.factory, [libraries.TEXTS])
            self._config = read_crnn_config(read_config(self.values))
            self._names = ClassNames(self.values["labelPath"], self._config.class_num, self.name)
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        tensors = self.source(upstream, TENSORS, "dataSource")
        self._source = tensors.name
        if tensors.output_shapes is not None and self._python is None:
            try:
                check_crnn_shapes(tensors.output_shapes, self._config)
            except SdkFault as fault:
                raise self.fault(fault.code, fault.sentence) from None

    def process(self, frame: Frame) -> None:
        if self._source not in frame.metadata:
            return
        try:
            packages = frame.tensors(self._source)
            texts = self._by_python(packages) if self._python else [self._by_library(package) for package in packages]
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        if any(texts):
            frame.metadata[self.name] = Texts(texts, self._source)

    def _by_library(self, package: Tensors) -> list[str]:
        return ["".join(self._names.of(character_ids(package.on_board, self._config)))]

    def _by_python(self, packages: Sequence[Tensors]) -> list[list[str]]:
        assert self._python is not None
        entries = self._python.results([package.on_board for package in packages])
        return [[str(text) for text in getattr(entry, "text", entry)] for entry in entries]
