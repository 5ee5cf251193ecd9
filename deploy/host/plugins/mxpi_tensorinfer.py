"""mxpi_tensorinfer: runs the model and hands on its raw outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.dvpp.vpc import filled_up
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.messages import array_or_bytes, image_of, shape_on_board
from deploy.host.metadata.values import Header, Image, Images, TensorPackages, Tensors
from deploy.host.model.model import Feed, Model
from deploy.host.model.network import FREE
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, TENSORS, Plugin
from deploy.sdk_codes import FAILURE, INVALID_PARAM, METADATA_KEY_NO_EXIST, SET_INPUT_FAIL, SdkFault


class TensorInfer(Plugin):
    """For each entry of a buffer, an image or tensors, the model's outputs.

    A model with several inputs takes them from several elements, or from one that hands on several tensors an entry.
    As in the SDK, a buffer without the metadata of a data source is handed on as it is, and tensors are compared with
    the model's inputs by their bytes. Faults: 3001 an image of another size or format than the model's input, 1001
    other tensors, 7011 metadata that are neither, 1004 at creation where the resizer makes another size.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_tensorinfer")
    SOURCES: ClassVar[tuple[str, ...]] = ("dataSource",)  # the properties that name the elements to take data from
    WRONG_SIZE: ClassVar[int] = SET_INPUT_FAIL
    produces = TENSORS

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        device = max(int(self.values.get("deviceId", 0)), 0)
        self._model = Model(self.values["modelPath"], self.name, self.values.get("singleBatchInfer") == "1", device)
        self._has_batch = self.values.get("outputHasBatchDim", "1") == "1"
        self.input_size = self._model.input_size
        self.output_shapes = self._shapes()
        self.waits = self._model.on_chip

    def _shapes(self) -> Sequence[Sequence[int]] | None:
        """What the board calls the outputs of one entry; None where the model leaves a side open."""
        shapes = [port.shape for port in self._model.outputs]
        if self._has_batch or any(FREE in shape for shape in shapes):
            return self._model.output_shapes
        return [shape_on_board(shape, has_batch=False) for shape in shapes]

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        sources = self._find_sources(upstream)
        self._sources = [source.name for source in sources]
        self._source = self._sources[0]
        for source in sources:
            if source.produces != IMAGE:
                continue
            if len(sources) == 1:
                self._model.check_images()
            size = self._model.input_size
            if source is sources[0] and size is not None and source.output_size not in (None, size):
                made, taken = (f"{size[0]} x {size[1]}" for size in (source.output_size, size) if size)
                raise self.fault(
                    INVALID_PARAM,
                    f"{source.name} makes images of {made} px; the model {self._model.path} takes {taken}",
                )

    def _find_sources(self, upstream: Sequence[Plugin]) -> list[Plugin]:
        """The elements that dataSource names, or the nearest one at each input port."""
        named = next((self.values[key] for key in self.SOURCES if self.values[key] not in ("", "auto")), "")
        names = [name for name in named.replace(" ", "").split(",") if name]
        wanted = (IMAGE, TENSORS)
        if not names and len(self.inputs) > 1:
            return [self.source(leading, wanted) for leading in self.inputs]
        if len(names) < 2:
            return [self.source(upstream, wanted, *self.SOURCES)]
        if self.inputs and len(names) != len(self.inputs):
            raise self.fault(
                INVALID_PARAM,
                f"dataSource names {len(names)} elements, and {len(self.inputs)} link(s) lead here; link each to an "
                f"input port of its own, as in {self.name}:1",
            )
        ports = self.inputs or [upstream] * len(names)
        return [self.named(leading, name, wanted, "dataSource") for leading, name in zip(ports, names)]

    def process(self, frame: Frame) -> None:
        if all(name in frame.metadata for name in self._sources):
            frame.metadata[self.name] = self.infer(frame)

    def infer(self, frame: Frame) -> TensorPackages:
        """The model's outputs for each entry of the buffer."""
        value = frame.metadata[self._source]
        if isinstance(value, Images) and len(self._sources) == 1 and self._model.takes_one_image:
            return self.infer_images(value)
        lists = [self._feeds(number, frame.metadata[name]) for number, name in enumerate(self._sources)]
        counts = {len(entries) for entries in lists}
        if len(counts) != 1:
            found = ", ".join(f"{name} {len(entries)}" for name, entries in zip(self._sources, lists))
            raise self.fault(FAILURE, f"its sources differ in how many entries they have: {found}")
        entries = [[feed for feeds in together for feed in feeds] for together in zip(*lists)]
        try:
            found_outputs = self._model.infer(entries)
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        return TensorPackages(
            [
                self._package(outputs, feeds[0] if isinstance(feeds[0], Image) else None, member)
                for member, (outputs, feeds) in enumerate(zip(found_outputs, entries))
            ]
        )

    def infer_images(self, images: Images) -> TensorPackages:
        """The same for images alone."""
        return TensorPackages([self._infer(image, member) for member, image in enumerate(images)])

    def close(self) -> None:
        self._model.close()

    def _infer(self, image: Image, member: int) -> Tensors:
        try:
            outputs = self._model.run(self._filled(image))
        except SdkFault as fault:
            raise fault if fault.sentence.startswith(self.name) else self.fault(fault.code, fault.sentence) from None
        return self._package(outputs, image, member)

    def _package(self, outputs: list[np.ndarray], image: Image | None, member: int) -> Tensors:
        headers = tuple(Header(source, member) for source in self._sources)
        shapes = tuple(shape_on_board(output.shape, self._has_batch) for output in outputs)
        return Tensors(outputs, image, headers, shapes)

    def _feeds(self, number: int, value: Any) -> list[list[Feed]]:
        """What the metadata of data source `number` feed: for each entry one image, or its tensors."""
        if isinstance(value, Images):
            return [[self._filled(image) if number == 0 else image] for image in value]
        try:
            kind = value.DESCRIPTOR.name if hasattr(value, "DESCRIPTOR") else ""
            if kind == "MxpiVisionList":
                return [[self._sent(number, vision)] for vision in value.visionVec]
            if kind == "MxpiTensorPackageList" and all(package.tensorVec for package in value.tensorPackageVec):
                return [[array_or_bytes(tensor) for tensor in p.tensorVec] for p in value.tensorPackageVec]
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        if isinstance(value, TensorPackages) and all(package.outputs for package in value):
            return [list(package.outputs) for package in value]
        raise self.fault(
            METADATA_KEY_NO_EXIST, f"the metadata of {self._sources[number]} are neither images nor tensors"
        )

    def _sent(self, number: int, vision: Any) -> Feed:
        """An image that was sent: its bytes, where the model takes just these, else what it says it is."""
        data = np.frombuffer(vision.visionData.dataStr, np.uint8)
        if self._model.takes_bytes(number, data.size):
            return data
        image = image_of(vision)
        return self._filled(image) if number == 0 else image

    def _filled(self, image: Image) -> Image:
        """An image with the padding of the board's buffer.

        The board compares its buffers, padding included; what they are padded with, no one says.
        """
        size = self._model.input_size
        if size is None:
            return image
        aligned = image.width_aligned or image.width, image.height_aligned or image.height
        if aligned != size:
            raise self._wrong_size(image, aligned, size)
        return filled_up(image, *aligned)

    def _wrong_size(self, image: Image, aligned: tuple[int, int], size: tuple[int, int]) -> SdkFault:
        width, height = size
        found = f"the image is {image.width} x {image.height} px"
        if aligned != (image.width, image.height):
            found += f" ({aligned[0]} x {aligned[1]} as {self._source} aligns it)"
        return self.fault(
            self.WRONG_SIZE, f"{found}; the model takes {width} x {height}; put mxpi_imageresize before it"
        )
