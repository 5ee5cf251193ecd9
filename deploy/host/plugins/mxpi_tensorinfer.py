"""mxpi_tensorinfer: runs the model and hands on its raw outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.dvpp.vpc import filled_up
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Header, Image, TensorPackages, Tensors
from deploy.host.model.model import Model
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, TENSORS, Plugin
from deploy.sdk_codes import INVALID_PARAM, SET_INPUT_FAIL, SdkFault


class TensorInfer(Plugin):
    """One image in, the model's outputs and that image out.

    Faults: 3001 an image of another size or format than the model's input, 1004 at creation where the resizer makes
    another size.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_tensorinfer")
    SOURCES: ClassVar[tuple[str, ...]] = ("dataSource",)  # the properties that name the element to take images from
    WRONG_SIZE: ClassVar[int] = SET_INPUT_FAIL
    produces = TENSORS
    input_size: tuple[int, int]

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._model = Model(self.values["modelPath"], self.name)
        self.input_size = self._model.input_size
        self.output_shapes = self._model.output_shapes

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        source = self.source(upstream, IMAGE, *self.SOURCES)
        self._source = source.name
        if source.output_size not in (None, self.input_size):
            made, taken = (f"{size[0]} x {size[1]}" for size in (source.output_size, self.input_size) if size)
            raise self.fault(
                INVALID_PARAM, f"{source.name} makes images of {made} px; the model {self._model.path} takes {taken}"
            )

    def process(self, frame: Frame) -> None:
        frame.metadata[self.name] = self.infer(frame)

    def infer(self, frame: Frame) -> TensorPackages:
        """The model's outputs for each image of the buffer."""
        images = frame.images(self._source)
        return TensorPackages([self._infer(image, i) for i, image in enumerate(images)])

    def _infer(self, image: Image, member: int) -> Tensors:
        # the board compares its buffers, padding included; what they are padded with, no one says
        aligned = image.width_aligned or image.width, image.height_aligned or image.height
        if aligned != self.input_size:
            raise self._wrong_size(image, aligned)
        try:
            outputs = self._model.run(filled_up(image, *aligned))
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        return Tensors(outputs, image, (Header(self._source, member),))

    def close(self) -> None:
        self._model.close()

    def _wrong_size(self, image: Image, aligned: tuple[int, int]) -> SdkFault:
        width, height = self.input_size
        found = f"the image is {image.width} x {image.height} px"
        if aligned != (image.width, image.height):
            found += f" ({aligned[0]} x {aligned[1]} as {self._source} aligns it)"
        return self.fault(
            self.WRONG_SIZE, f"{found}; the model takes {width} x {height}; put mxpi_imageresize before it"
        )
