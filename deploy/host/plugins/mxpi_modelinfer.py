"""mxpi_modelinfer: the old generation's element that runs the model and decodes its heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Image, Objects
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import OBJECTS, TENSORS, Plugin
from deploy.host.plugins.mxpi_tensorinfer import TensorInfer
from deploy.host.post.post_files import ClassNames, content_text, read_config
from deploy.host.post.post_geometry import geometry_of, in_roi, moved, roi_of
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.sdk2.config import Sdk2Config, read_sdk2_yolov3, read_sdk2_yolov5
from deploy.postprocess.sdk2.yolo import check_axes, check_outputs, check_shapes_v3, decode_v3, decode_v5
from deploy.sdk_codes import INVALID_PARAM, OPEN_FAIL, UNREALIZED, SdkFault

YOLOV5, YOLOV3 = "libMpYOLOv5PostProcessor.so", "libMpYOLOv3PostProcessor.so"


class ModelInfer(TensorInfer):
    """One image in; its objects out, or the raw tensors where no library is named.

    As in the SDK, a buffer always gets its metadata, even without detections. `tensorFormat`, `waitingTime` and the
    like change nothing on a host. Faults: 1004 an image of another size than the model's input.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_modelinfer")
    SOURCES: ClassVar = ("parentName", "dataSource")
    WRONG_SIZE: ClassVar = INVALID_PARAM

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        try:
            self._prepare(element)
        except BaseException:
            self._model.close()
            raise

    def _prepare(self, element: Element) -> None:
        self._model.check_images()
        self._decode: Callable[[Sequence[np.ndarray], Geometry], np.ndarray] | None = None
        self._crop = ""
        library = PurePosixPath(self.values["postProcessLibPath"]).name
        if not library:
            self.produces = TENSORS
            return
        self.produces = OBJECTS
        if library not in (YOLOV5, YOLOV3):
            raise self.fault(
                UNREALIZED,
                f"postProcessLibPath {library}; the host engine runs {YOLOV5} and {YOLOV3} in {element.factory}",
            )
        try:
            self._open(library)
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        super().connect(upstream, downstream)
        if self.values["pictureCropName"]:
            self._crop = self.source(upstream, OBJECTS, "pictureCropName").name

    def process(self, frame: Frame) -> None:
        packages = self.infer_images(frame.images(self._source))
        if self._decode is None:
            frame.metadata[self.name] = packages
            return
        try:
            rows = [self._found(frame, package.outputs, package.image) for package in packages]
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        detections = np.concatenate(rows) if rows else np.empty((0, 6), np.float32)
        members = np.repeat(np.arange(len(rows)), [len(part) for part in rows]) if len(rows) > 1 else None
        frame.metadata[self.name] = Objects(detections, self._names.of(detections[:, 5]), self._source, members)

    def _found(self, frame: Frame, outputs: Sequence[np.ndarray], image: Image | None) -> np.ndarray:
        assert self._decode is not None and image is not None
        geometry = geometry_of(image)
        if not self._crop:
            return self._decode(outputs, geometry)
        roi = roi_of(frame, self._crop, image)
        return moved(self._decode(outputs, in_roi(geometry, roi)), int(roi[0]), int(roi[1]))

    def _open(self, library: str) -> None:
        """Read and check what the library reads and checks, in its order."""
        shapes = self._model.output_shapes
        if shapes is None:
            raise SdkFault(
                INVALID_PARAM, f"{self._model.path} leaves the size of its outputs open; {library} checks it"
            )
        config_named = content_text(self.values) or self.values["postProcessConfigPath"]
        for key, value in (("postProcessConfigPath", config_named), ("labelPath", self.values["labelPath"])):
            if not value:
                raise SdkFault(OPEN_FAIL, f"{key} is not set; {library} needs it")
        config: Sdk2Config
        if library == YOLOV5:
            check_outputs(shapes)
            config = read_sdk2_yolov5(read_config(self.values))
            check_axes(shapes, config)
            decode = decode_v5
        else:
            config = read_sdk2_yolov3(read_config(self.values))
            check_shapes_v3(shapes, self._model.input_shape, config)
            check_axes(shapes, config)
            decode = decode_v3
        input_width = self._model.input_shape[2]
        self._names = ClassNames(self.values["labelPath"], config.class_num, self.name)
        self._decode = lambda outputs, geometry: decode(outputs, config, geometry, input_width)
